--- nvim-dap, where it is installed: tells the server where the debugged program stops, shows what that says about the
--- prediction.

local M = {}

local namespace = vim.api.nvim_create_namespace('cwm_lsp.dap')
local attached = false
--- How often each session has stopped or gone on: what is being asked about an earlier stop is not worth telling.
---@type table<integer, integer>
local changes = {}

---@param method string
---@param params table
local function notify(method, params)
  for _, client in ipairs(vim.lsp.get_clients({ name = 'cwm_lsp' })) do
    client:notify(method, params)
  end
end

local function clear()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

--- Ask the debugger for the innermost frame and its locals, and pass them on.
---@param session table The session of nvim-dap.
---@param stopped table The body of the `stopped` event.
local function forward(session, stopped)
  changes[session.id] = (changes[session.id] or 0) + 1
  local stop = changes[session.id]
  session:request('stackTrace', { threadId = stopped.threadId, levels = 1 }, function(problem, stack)
    local frame = not problem and stack and stack.stackFrames[1]
    if not frame or not frame.source or not frame.source.path then
      return
    end
    session:request('scopes', { frameId = frame.id }, function(no_scopes, answer)
      local scope = not no_scopes and answer and answer.scopes[1]
      if not scope then
        return
      end
      session:request('variables', { variablesReference = scope.variablesReference }, function(no_variables, found)
        if no_variables or not found or stop ~= changes[session.id] then
          return
        end
        local locals = vim.empty_dict()
        for _, variable in ipairs(found.variables) do
          -- `special variables` and `(return) f` are the debugger's own.
          if variable.name:match('^[%a_\128-\255][%w_\128-\255]*$') then
            locals[variable.name] = variable.value
          end
        end
        notify('cwm/debugStopped', {
          session = tostring(session.id),
          frameId = frame.id,
          path = frame.source.path,
          line = frame.line,
          ['function'] = frame.name:match('[^.]+$'),
          locals = locals,
          reason = stopped.reason,
        })
      end)
    end)
  end)
end

---@param step table What the server says of a stop.
local function show(step)
  clear()
  local bufnr = vim.uri_to_bufnr(step.uri)
  if vim.api.nvim_buf_is_loaded(bufnr) and step.line <= vim.api.nvim_buf_line_count(bufnr) then
    local group = step.kind == 'as-predicted' and 'CwmComputed' or 'CwmDifferent'
    vim.api.nvim_buf_set_extmark(bufnr, namespace, step.line - 1, 0, {
      virt_text = { { '  ' .. step.message, group } },
    })
  end
end

--- Listen to debug sessions, once.
function M.attach()
  local found, dap = pcall(require, 'dap')
  if attached or not found then
    return
  end
  attached = true
  require('cwm_lsp.virtual_text') -- for its highlight groups
  vim.lsp.handlers['cwm/debugStep'] = function(_, step)
    show(step)
  end
  dap.listeners.after.event_stopped['cwm_lsp'] = forward
  local function goes_on(session)
    changes[session.id] = (changes[session.id] or 0) + 1
    clear()
    notify('cwm/debugContinued', { session = tostring(session.id) })
  end
  -- After these requests the program runs; an adapter need not tell that it does.
  for _, event in ipairs({ 'event_continued', 'continue', 'next', 'stepIn', 'stepOut' }) do
    dap.listeners.before[event]['cwm_lsp'] = goes_on
  end
  local function ended(session)
    changes[session.id] = nil
    clear()
    notify('cwm/debugTerminated', { session = tostring(session.id) })
  end
  dap.listeners.after.event_terminated['cwm_lsp'] = ended
  dap.listeners.after.disconnect['cwm_lsp'] = ended
end

return M
