--- nvim-dap, where it is installed: debugs predictions; tells the server where a debugged program stops, and shows what
--- that says about its prediction.

local M = {}

local namespace = vim.api.nvim_create_namespace('cwm_lsp.dap')
local attached = false
local TYPE = 'cwm-lsp'
--- Milliseconds that the server has to say where its debug adapter is.
local SOON = 10000
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

--- Have the hints shown as of where the debugger of a prediction is.
---@param session table
---@param stopped table
local function follow(session, stopped)
  session:request('stackTrace', { threadId = stopped.threadId, levels = 1 }, function(problem, stack)
    local frame = not problem and stack and stack.stackFrames[1]
    local bufnr = frame and vim.fn.bufnr(session.config.program) or -1
    local client = bufnr ~= -1 and require('cwm_lsp').client(bufnr)
    if not client then
      return
    end
    local target = { uri = vim.uri_from_bufnr(bufnr), ['function'] = session.config['function'] }
    target.event = frame.id - 1 -- as the adapter numbers frames
    client:request('cwm/stateAt', target, function(_, answer)
      if answer and answer.changed then
        require('cwm_lsp').refresh(client)
      end
    end)
  end)
end

--- The debugger of predictions: the adapter, and a configuration that is about the function under the cursor.
---@param dap table
local function register(dap)
  dap.adapters[TYPE] = function(done, config)
    local command = vim.lsp.config.cwm_lsp.cmd
    local own = { type = 'executable', command = type(command) == 'table' and command[1] or 'cwm-lsp', args = { 'dap' } }
    -- The server's own adapter shares its model; where it does not answer soon, one is started.
    local client = require('cwm_lsp').client() or vim.lsp.get_clients({ name = 'cwm_lsp' })[1]
    local is_done = false
    local function use(adapter)
      if not is_done then
        is_done = true
        done(adapter)
      end
    end
    if not client then
      return use(own)
    end
    vim.defer_fn(function()
      use(own)
    end, SOON)
    local asked = { command = 'cwm.debugAdapter', arguments = { vim.empty_dict() } }
    client:request('workspace/executeCommand', asked, function(problem, answer)
      if problem or not answer or answer.state ~= 'done' then
        return use(own)
      end
      config.token = answer.token
      use({ type = 'server', host = answer.host, port = answer.port })
    end)
  end
  local function at_cursor()
    local asked = { command = 'cwm.calls', arguments = { require('cwm_lsp').here() } }
    local client = require('cwm_lsp').client()
    local answer = client and client:request_sync('workspace/executeCommand', asked, 5000, 0)
    return answer and answer.result or {}
  end
  dap.configurations.python = dap.configurations.python or {}
  table.insert(dap.configurations.python, {
    type = TYPE,
    request = 'launch',
    name = 'Debug the prediction',
    mode = 'predict',
    program = '${file}',
    ['function'] = function()
      return at_cursor()['function']
    end,
    call = function()
      local first = (at_cursor().choices or {})[1]
      return first and first.call
    end,
    stopOnEntry = true,
  })
end

--- nvim-dap, or a word about what is missing.
---@return table?
local function needed()
  local found, dap = pcall(require, 'dap')
  if found then
    M.attach()
    return dap
  end
  vim.notify('Cwm: debugging needs nvim-dap, which is not installed; see :help cwm-lsp-debugging', vim.log.levels.WARN)
end

--- Step through the prediction of the call in use, or of the one that is given.
---@param call? string
---@param more? table What else the launch has: a `line` to go to, and what to `set` there.
function M.debug(call, more)
  local dap = needed()
  if not dap then
    return
  end
  vim.cmd('silent update') -- the adapter reads the file
  local program = vim.api.nvim_buf_get_name(0)
  local cwm = require('cwm_lsp')
  -- What is debugged is what the hints show.
  cwm.execute('cwm.predict', vim.tbl_extend('error', cwm.here(), { call = call }), function(answer)
    dap.run(vim.tbl_extend('error', {
      type = TYPE,
      request = 'launch',
      name = answer.call,
      mode = 'predict',
      program = program,
      ['function'] = answer['function'],
      call = answer.call,
      stopOnEntry = true,
    }, more or {}))
  end)
end

---@param program string
---@param name string Of the function.
---@param call? string Else the latest.
local function replay(program, name, call)
  require('dap').run({
    type = TYPE,
    request = 'launch',
    name = 'Replay of ' .. (call or name),
    mode = 'replay',
    program = program,
    ['function'] = name,
    call = call,
    stopOnEntry = true,
  })
end

--- Step through what the last run of the function did.
function M.replay()
  if not needed() then
    return
  end
  local program = vim.api.nvim_buf_get_name(0)
  local cwm = require('cwm_lsp')
  cwm.execute('cwm.calls', cwm.here(), function(answer)
    replay(program, answer['function'])
  end)
end

--- Step through a run of the file, which is chosen.
function M.runs()
  if not needed() then
    return
  end
  local program = vim.api.nvim_buf_get_name(0)
  require('cwm_lsp').execute('cwm.runs', { uri = vim.uri_from_bufnr(0) }, function(answer)
    if vim.tbl_isempty(answer.runs) then
      vim.notify('Cwm: no run of this file, as it is now, is kept: run a call first')
      return
    end
    local function title(run)
      return ('%s  %s'):format(run.call, run.when)
    end
    vim.ui.select(answer.runs, { prompt = 'Replay which run?', format_item = title }, function(run)
      if run then
        replay(program, run['function'], run.call)
      end
    end)
  end)
end

--- Debug what is predicted if a variable has another value at a line.
---@param where table What the server says of it: `position`, `name`.
function M.what_if(where)
  if not needed() then
    return
  end
  local line = where.position.line + 1
  vim.ui.input({ prompt = ('Before line %d: '):format(line), default = where.name .. ' = ' }, function(text)
    if text and text ~= '' then
      M.debug(nil, { line = line, set = text })
    end
  end)
end

--- Ask the debugger of a prediction; what it tells goes to `show`.
---@param request string
---@param arguments table
---@param show fun(text: string)
function M.ask(request, arguments, show)
  local dap = needed()
  local session = dap and dap.session()
  if not session then
    vim.notify('Cwm: nothing is being debugged; :Cwm debug begins', vim.log.levels.WARN)
    return
  end
  if session.current_frame then
    arguments.frameId = session.current_frame.id
  end
  session:request(request, vim.tbl_isempty(arguments) and vim.empty_dict() or arguments, function(problem, answer)
    if problem then
      vim.notify('Cwm: ' .. problem.message, vim.log.levels.WARN)
    elseif answer then
      show(answer.text)
    end
  end)
end

--- Go one step back.
function M.back()
  local dap = needed()
  if dap then
    dap.step_back()
  end
end

--- Go back to the last breakpoint, or to the beginning.
function M.reverse()
  local dap = needed()
  if dap then
    dap.reverse_continue()
  end
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
  register(dap)
  local function is_prediction(session)
    return session.config and session.config.type == TYPE
  end
  -- A run that is replayed need not be of the call whose hints are shown.
  local function stay() end
  dap.listeners.after.event_stopped['cwm_lsp'] = function(session, stopped)
    local heard = not is_prediction(session) and forward or session.config.mode == 'replay' and stay or follow
    heard(session, stopped)
  end
  local function goes_on(session)
    if is_prediction(session) then
      return
    end
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
