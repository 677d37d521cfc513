--- `:Cwm {action} [call]`.

local M = {}

--- Actions by name; those that are true take a call.
---@type table<string, boolean>
local actions = {
  predict = true,
  run = true,
  debug = true,
  replay = false,
  runs = false,
  watch = true,
  first = true,
  parted = false,
  outcomes = false,
  real = false,
  back = false,
  reverse = false,
  clear = false,
  call = true,
  next = false,
  prev = false,
  pin = true,
  trace = false,
  verdicts = false,
  test = false,
  cancel = false,
  toggle = false,
  status = false,
  restart = false,
  doctor = false,
  forget = false,
  log = false,
  tutor = false,
}

---@param arguments string All of them, as typed: blanks and backslashes in a call are the call's own.
function M.run(arguments)
  local name, call = vim.trim(arguments):match('^(%S+)%s*(.*)$')
  local takes_call = actions[name]
  if takes_call == nil then
    vim.notify(('Cwm: there is no action %s'):format(name), vim.log.levels.ERROR)
  elseif not takes_call and call ~= '' then
    vim.notify(('Cwm: %s takes no argument'):format(name), vim.log.levels.ERROR)
  else
    require('cwm_lsp')[name](call ~= '' and call or nil)
  end
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  if line:match('^%s*%S+%s+%S+%s') then
    return {}
  end
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, vim.tbl_keys(actions))
  table.sort(names)
  return names
end

return M
