--- Hints as virtual text at the ends of lines, each kind in a colour of its own; lines that are not reached are dimmed.

local M = {}

local namespace = vim.api.nvim_create_namespace('cwm_lsp.virtual_text')
local dimmed = vim.api.nvim_create_namespace('cwm_lsp.unreached')
---@type table<integer, boolean> Buffers whose hints are hidden.
local hidden = {}

--- Highlight groups by what a part of a hint is, as the server says it.
---@type table<string, string>
local groups = {}
for _, look in ipairs(require('cwm_lsp.kinds')) do
  groups[look.kind] = look.group
  vim.api.nvim_set_hl(0, look.group, { link = look.link, default = true })
end
vim.api.nvim_set_hl(0, 'CwmUnreached', { link = 'Comment', default = true })

---@param bufnr integer
---@param hints { line: integer, parts: { text: string, kind: string }[] }[]
local function draw(bufnr, hints)
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  if hidden[bufnr] then
    return
  end
  local count = vim.api.nvim_buf_line_count(bufnr)
  for _, hint in ipairs(hints) do
    if hint.line < count then
      local chunks = { { '  ' } }
      for _, part in ipairs(hint.parts) do
        chunks[#chunks + 1] = { part.text, groups[part.kind] or 'CwmComputed' }
      end
      vim.api.nvim_buf_set_extmark(bufnr, namespace, hint.line, 0, {
        virt_text = chunks,
        hl_mode = 'combine',
        priority = 4000, -- less than what Neovim draws lenses with: those come after
      })
    end
  end
end

---@param bufnr integer
---@param lines integer[]
local function dim(bufnr, lines)
  vim.api.nvim_buf_clear_namespace(bufnr, dimmed, 0, -1)
  if hidden[bufnr] then
    return
  end
  for _, line in ipairs(lines) do
    local text = vim.api.nvim_buf_get_lines(bufnr, line, line + 1, false)[1]
    if text then
      vim.api.nvim_buf_set_extmark(bufnr, dimmed, line, 0, {
        end_col = #text,
        hl_group = 'CwmUnreached',
        priority = 200, -- over syntax and semantic tokens
      })
    end
  end
end

--- Ask the server for what is known of a buffer, and draw it.
---@param bufnr integer
function M.refresh(bufnr)
  local client = require('cwm_lsp').client(bufnr)
  if not client or not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  local asked = { uri = vim.uri_from_bufnr(bufnr) }
  local changes = vim.api.nvim_buf_get_changedtick(bufnr)
  local function shown(key, show)
    return function(problem, answer)
      local is_current = vim.api.nvim_buf_is_loaded(bufnr) and vim.api.nvim_buf_get_changedtick(bufnr) == changes
      if not problem and answer and is_current then
        show(bufnr, answer[key] or {})
      end
    end
  end
  client:request('cwm/hints', asked, shown('hints', draw), bufnr)
  client:request('cwm/unreachedLines', asked, shown('lines', dim), bufnr)
end

---@param bufnr integer
function M.attach(bufnr)
  vim.api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI' }, {
    group = vim.api.nvim_create_augroup('cwm_lsp.virtual_text.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      M.refresh(bufnr)
    end,
  })
  M.refresh(bufnr)
end

---@param bufnr integer
function M.toggle(bufnr)
  hidden[bufnr] = not hidden[bufnr] or nil
  M.refresh(bufnr)
end

return M
