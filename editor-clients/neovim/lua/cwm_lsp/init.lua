--- The Neovim side of cwm-lsp. Everything works without `setup()`.

local M = {}

---@class cwm_lsp.Options
---@field hints? 'virtual_text'|'inlay'|false How values are shown at the ends of lines: as coloured virtual text (default), as inlay hints, or not at all.
---@field lenses? boolean Show the call in use and commands above functions (default true).

---@class cwm_lsp.Target What a command is about, as the server takes it.
---@field uri string
---@field function? string Qualified name.
---@field position? lsp.Position
---@field call? string

---@type cwm_lsp.Options
local defaults = { hints = 'virtual_text', lenses = true }

--- The options: those of `setup()`, else `vim.g.cwm_lsp`, over the defaults.
---@return cwm_lsp.Options
function M.options()
  return vim.tbl_extend('force', defaults, vim.g.cwm_lsp or {})
end

--- Set options. Not needed for the defaults; the same as setting `vim.g.cwm_lsp`.
---@param options? cwm_lsp.Options
function M.setup(options)
  vim.g.cwm_lsp = options or {}
end

--- The server's client of a buffer.
---@param bufnr? integer
---@return vim.lsp.Client?
function M.client(bufnr)
  return vim.lsp.get_clients({ name = 'cwm_lsp', bufnr = bufnr or 0 })[1]
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.on_attach(client, bufnr)
  local options = M.options()
  if options.hints == 'virtual_text' then
    -- Else they would be shown twice where inlay hints are on for another server.
    client.server_capabilities.inlayHintProvider = nil
    require('cwm_lsp.virtual_text').attach(bufnr)
  elseif options.hints then
    vim.lsp.inlay_hint.enable(true, { bufnr = bufnr })
  end
  if options.lenses then
    require('cwm_lsp.lenses').attach(bufnr)
  end
  -- The server asks for this whenever it knows more. Neovim 0.11 has no such request for lenses, so they join in.
  client.handlers['workspace/inlayHint/refresh'] = function(problem, result, context)
    M.refresh(client)
    return vim.lsp.handlers['workspace/inlayHint/refresh'](problem, result, context)
  end
  require('cwm_lsp.cursor').attach(client, bufnr)
  require('cwm_lsp.dap').attach()
end

--- Draw anew what the server knows of its buffers.
---@param client vim.lsp.Client
function M.refresh(client)
  local options = M.options()
  for bufnr in pairs(client.attached_buffers) do
    if options.lenses then
      require('cwm_lsp.lenses').refresh(bufnr)
    end
    if options.hints == 'virtual_text' then
      require('cwm_lsp.virtual_text').refresh(bufnr)
    end
  end
end

--- The function under the cursor.
---@param bufnr? integer
---@return cwm_lsp.Target
function M.here(bufnr)
  bufnr = bufnr or vim.api.nvim_get_current_buf()
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  return { uri = vim.uri_from_bufnr(bufnr), position = { line = line, character = 0 } }
end

--- Have the server carry out a command.
---@param name string
---@param argument table
---@param done? fun(answer: table) Called with the answer, where the command was carried out.
---@param bufnr? integer
function M.execute(name, argument, done, bufnr)
  local client = M.client(bufnr)
  if not client then
    vim.notify('cwm-lsp is not running for this buffer; see :checkhealth cwm_lsp', vim.log.levels.WARN)
    return
  end
  if vim.tbl_isempty(argument) then
    argument = vim.empty_dict() -- an empty table of Lua's is a list in JSON
  end
  client:request('workspace/executeCommand', { command = name, arguments = { argument } }, function(problem, answer)
    if problem then
      vim.notify(problem.message, vim.log.levels.WARN)
    elseif answer and answer.state == 'done' and done then
      done(answer)
    end
    -- What failed has been told by the server.
  end, bufnr)
end

--- Predict the call in use, or the one that is given.
---@param call? string
function M.predict(call)
  M.execute('cwm.predict', vim.tbl_extend('error', M.here(), { call = call }), function(answer)
    vim.api.nvim_echo({ { answer.call .. ' ' .. (answer.predicted or '') } }, true, {})
  end)
end

--- Predict the call, run it, compare.
---@param call? string
function M.run(call)
  M.execute('cwm.predictThenRun', vim.tbl_extend('error', M.here(), { call = call }), function(answer)
    local count = #(answer.divergences or {})
    local text = count == 0 and ', as predicted' or (', %d divergence%s'):format(count, count == 1 and '' or 's')
    vim.api.nvim_echo({ { ('%s %s%s'):format(answer.call, answer.recorded, text) } }, true, {})
  end)
end

--- Step through the prediction of the call in use, or of the one that is given, with nvim-dap.
---@param call? string
function M.debug(call)
  require('cwm_lsp.dap').debug(call)
end

--- Step through what the last run of the function did, with nvim-dap.
function M.replay()
  require('cwm_lsp.dap').replay()
end

--- Step through a run of the file, which is chosen, with nvim-dap.
function M.runs()
  require('cwm_lsp.dap').runs()
end

--- Step back in the prediction that is debugged.
function M.back()
  require('cwm_lsp.dap').back()
end

--- Go back in the prediction that is debugged, to the last breakpoint or to the beginning.
function M.reverse()
  require('cwm_lsp.dap').reverse()
end

--- Clear what is shown in the buffer.
function M.clear()
  M.execute('cwm.clear', { uri = vim.uri_from_bufnr(0) })
end

--- Cancel what is being predicted or run.
function M.cancel()
  M.execute('cwm.cancel', {})
end

--- Use a call: the one that is given, or one chosen among those found, or typed.
---@param call? string
---@param target? cwm_lsp.Target
---@param bufnr? integer
function M.call(call, target, bufnr)
  target = target or M.here(bufnr)
  if call then
    M.execute('cwm.selectCall', vim.tbl_extend('force', target, { call = call }), nil, bufnr)
    return
  end
  M.execute('cwm.calls', target, function(answer)
    local choices = vim.list_extend({}, answer.choices)
    choices[#choices + 1] = { title = 'type another…' }
    vim.ui.select(choices, {
      prompt = 'Call of ' .. answer['function'],
      format_item = function(item)
        return item.title
      end,
    }, function(choice)
      if choice and choice.call then
        M.call(choice.call, { uri = target.uri, ['function'] = answer['function'] }, bufnr)
      elseif choice then
        M.type_call({ uri = target.uri, ['function'] = answer['function'] }, bufnr)
      end
    end)
  end, bufnr)
end

--- Have the user edit the call in use.
---@param target cwm_lsp.Target
---@param bufnr? integer
function M.type_call(target, bufnr)
  M.execute('cwm.calls', target, function(answer)
    local name = answer['function']
    local first = answer.choices[1]
    vim.ui.input({ prompt = 'Call: ', default = first and first.call or (name .. '(') }, function(text)
      if text and text ~= '' then
        M.call(text, { uri = target.uri, ['function'] = name }, bufnr)
      end
    end)
  end, bufnr)
end

--- Offer what can be done with a function, beyond what its lens has room for.
---@param target cwm_lsp.Target
---@param bufnr? integer
function M.more(target, bufnr)
  local choices = {
    { 'Predict', 'cwm.predict' },
    { 'Predict then run', 'cwm.predictThenRun' },
    { 'Change call…' },
    { 'Clear', 'cwm.clear' },
  }
  vim.ui.select(choices, {
    prompt = target['function'] or 'cwm-lsp',
    format_item = function(item)
      return item[1]
    end,
  }, function(choice)
    if choice and choice[2] then
      M.execute(choice[2], target, nil, bufnr)
    elseif choice then
      M.call(nil, target, bufnr)
    end
  end)
end

--- Say what predicts, and how far the function under the cursor is known.
function M.status()
  local client = M.client()
  if not client then
    vim.notify('cwm-lsp is not running for this buffer; see :checkhealth cwm_lsp', vim.log.levels.WARN)
    return
  end
  client:request('cwm/status', M.here(), function(problem, status)
    if problem then
      vim.notify(problem.message, vim.log.levels.WARN)
      return
    end
    local lines = {
      ('model: %s; %d of %d functions have values'):format(status.model, status.known, status.functions),
    }
    if status['function'] then
      local call = status.call ~= vim.NIL and status.call or status['function']
      lines[#lines + 1] = ('%s: %s, %s'):format(call, status.state, status.detail)
    end
    vim.list_extend(lines, status.doing)
    vim.api.nvim_echo({ { table.concat(lines, '\n') } }, true, {})
  end, 0)
end

---@param step 1|-1
local function iterate(step)
  M.execute(step > 0 and 'cwm.nextIteration' or 'cwm.previousIteration', M.here(), function(answer)
    vim.api.nvim_echo({ { ('iteration %d of %d'):format(answer.number, answer.count) } }, true, {})
  end)
end

--- Look at the next iteration of the loop under the cursor.
function M.next()
  iterate(1)
end

--- Look at the previous iteration of the loop under the cursor.
function M.prev()
  iterate(-1)
end

--- Show the values of an expression beside the lines of the function under the cursor, or no longer if they are shown;
--- without one, of none.
---@param expression? string
function M.pin(expression)
  M.execute('cwm.pin', vim.tbl_extend('error', M.here(), { expression = expression }), function(answer)
    local pinned = vim.tbl_isempty(answer.pinned) and 'nothing' or table.concat(answer.pinned, ', ')
    vim.api.nvim_echo({ { ('pinned in %s: %s'):format(answer['function'], pinned) } }, true, {})
  end)
end

--- Show or hide the hints in the buffer.
function M.toggle()
  if M.options().hints == 'virtual_text' then
    require('cwm_lsp.virtual_text').toggle(vim.api.nvim_get_current_buf())
  else
    vim.lsp.inlay_hint.enable(not vim.lsp.inlay_hint.is_enabled({ bufnr = 0 }), { bufnr = 0 })
  end
end

---@param name string
---@param text string
---@param split? 'right'|'below'
---@param filetype? string
---@return integer bufnr
local function scratch(name, text, split, filetype)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, vim.split(vim.trim(text), '\n'))
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].bufhidden = 'wipe'
  pcall(vim.api.nvim_buf_set_name, bufnr, ('cwm://%d/%s'):format(bufnr, name))
  if split then
    vim.api.nvim_open_win(bufnr, true, { split = split, win = 0 })
  else
    vim.cmd.tabnew()
    vim.api.nvim_win_set_buf(0, bufnr)
  end
  vim.wo.wrap = false
  vim.wo.winbar = name
  vim.keymap.set('n', 'q', '<cmd>tabclose<cr>', { buffer = bufnr, desc = 'Close the trace' })
  if filetype then
    vim.bo[bufnr].syntax = filetype -- and no filetype, which would start language servers
  end
  return bufnr
end

--- Ask the debugger of a prediction, and show what it tells below.
---@param request string
---@param expression? string
local function ask(request, expression)
  require('cwm_lsp.dap').ask(request, { expression = expression }, function(text)
    local bufnr = scratch(request, text, 'below')
    vim.keymap.set('n', 'q', '<cmd>close<cr>', { buffer = bufnr, desc = 'Close what the debugger tells' })
  end)
end

--- The value of an expression at every step of the prediction that is debugged.
---@param expression? string Else the word under the cursor.
function M.watch(expression)
  ask('cwm/watch', expression or vim.fn.expand('<cword>'))
end

--- Go to the first step at which an expression is true.
---@param expression? string Else the word under the cursor.
function M.first(expression)
  require('cwm_lsp.dap').ask('cwm/first', { expression = expression or vim.fn.expand('<cword>') }, function(text)
    vim.api.nvim_echo({ { text } }, true, {})
  end)
end

--- What was to come before a value was set, what comes now, and where they part.
function M.parted()
  ask('cwm/parted')
end

--- How else the call may end, where the model guesses.
function M.outcomes()
  ask('cwm/outcomes')
end

--- Run the call up to this step for real, and hold the two states against each other.
function M.real()
  ask('cwm/check')
end

local differing = vim.api.nvim_create_namespace('cwm_lsp.trace')

--- Light the rows of a trace that differ, as the server says, and nothing else.
---@param bufnr integer
---@param rows integer[] Counted from 0.
local function mark(bufnr, rows)
  require('cwm_lsp.virtual_text') -- for its highlight groups
  for _, row in ipairs(rows) do
    vim.api.nvim_buf_set_extmark(bufnr, differing, row, 0, { line_hl_group = 'DiffText' })
  end
end

--- Columns from which two windows beside each other have room for values after the code.
local WIDE = 120

--- Show the whole trace in a tab of its own; after a run with the prediction, compared.
function M.trace()
  M.execute('cwm.showTrace', M.here(), function(answer)
    local predicted, recorded = answer.predicted, answer.recorded
    -- What is null in JSON is nil or vim.NIL, as the version of Neovim has it.
    local is_run = type(predicted) ~= 'string'
    if is_run or type(recorded) ~= 'string' then
      scratch(is_run and 'as it ran' or 'as predicted', is_run and recorded or predicted, nil, 'python')
      return
    end
    local differs = answer.differs or { predicted = {}, recorded = {} }
    mark(scratch('as predicted', predicted, nil, 'python'), differs.predicted)
    vim.wo.scrollbind = true
    mark(scratch('as it ran', recorded, vim.o.columns < WIDE and 'below' or 'right', 'python'), differs.recorded)
    vim.wo.scrollbind = true
  end)
end

--- Put what fails, and what is not known, into the quickfix list.
---@param answer { verdicts: table[] }
---@param likely 'likely '|''
local function list(answer, likely)
  local bufnr = vim.api.nvim_get_current_buf()
  local items, passing = {}, 0
  for _, row in ipairs(answer.verdicts) do
    if row.verdict == 'pass' then
      passing = passing + 1
    else
      local line = row.at ~= vim.NIL and row.at or row.line
      local text = row.verdict == 'fail' and row.message or ('not known: %s (%s)'):format(row.test, row.message)
      local kind = row.verdict == 'fail' and 'E' or 'I'
      items[#items + 1] = { bufnr = bufnr, lnum = line + 1, text = text, type = kind }
    end
  end
  table.sort(items, function(one, other)
    return one.type == other.type and one.lnum < other.lnum or one.type < other.type
  end)
  local told = ('%d of %d tests %spass'):format(passing, #answer.verdicts, likely)
  vim.fn.setqflist({}, ' ', { title = 'cwm-lsp: ' .. told, items = items })
  vim.api.nvim_echo({ { told } }, true, {})
  if #items > 0 then
    vim.cmd('botright copen | wincmd p')
  end
end

--- List how the tests and doctests of the buffer will likely end. Nothing is run.
function M.verdicts()
  M.execute('cwm.verdicts', { uri = vim.uri_from_bufnr(0) }, function(answer)
    list(answer, 'likely ')
  end)
end

--- Run the tests and doctests of the buffer, and list those that fail.
function M.test()
  M.execute('cwm.runTests', { uri = vim.uri_from_bufnr(0) }, function(answer)
    list(answer, '')
  end)
end

--- Start the model's process afresh.
function M.restart()
  M.execute('cwm.restartModel', {})
end

--- Remove what is kept of the runs of this buffer's file.
function M.forget()
  M.execute('cwm.forget', { uri = vim.uri_from_bufnr(0) })
end

--- Show what `cwm-lsp doctor` finds.
function M.doctor()
  M.execute('cwm.doctor', { uri = vim.uri_from_bufnr(0) }, function(answer)
    local lines = {}
    for _, finding in ipairs(answer.findings) do
      lines[#lines + 1] = ('%-6s %s: %s'):format(finding.status, finding.name, finding.detail)
      if finding.fix and finding.fix ~= vim.NIL then
        lines[#lines + 1] = '       ' .. finding.fix
      end
    end
    vim.list_extend(lines, { '', answer.conclusion })
    scratch('cwm-lsp doctor', table.concat(lines, '\n'))
  end)
end

--- Open a copy of the tutorial.
function M.tutor()
  local lesson = vim.api.nvim_get_runtime_file('tutor/tutor.py', false)[1]
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder, 'p')
  vim.fn.writefile(vim.fn.readfile(lesson), folder .. '/tutor.py')
  vim.lsp.enable('cwm_lsp')
  vim.cmd.tabedit(vim.fn.fnameescape(folder .. '/tutor.py'))
end

--- Open the log of Neovim's language clients, which has the server's too.
function M.log()
  vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log.get_filename()))
end

return M
