--- nvim-dap, where it is installed: tells the server where the debugged program is.

local M = {}

local attached = false

--- Listen to debug sessions, once.
function M.attach()
  local found, dap = pcall(require, 'dap')
  if attached or not found then
    return
  end
  attached = true
end

return M
