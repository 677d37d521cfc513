-- A stand-in for nvim-dap, which is on no registry: of its documented interface what the plugin uses, with an adapter that
-- is a real process. CWM_NVIM_DAP names the real plugin to test with instead.
local function listeners()
  return setmetatable({}, {
    __index = function(all, name)
      all[name] = {}
      return all[name]
    end,
  })
end

local M = { adapters = {}, configurations = {}, listeners = { before = listeners(), after = listeners() } }
local current

local function call(when, name, ...)
  for _, listener in pairs(M.listeners[when][name]) do
    listener(current, ...)
  end
end

local Session = {}
Session.__index = Session

function Session:send(message)
  self.sequence = self.sequence + 1
  local body = vim.json.encode(vim.tbl_extend('error', message, { seq = self.sequence }))
  vim.fn.chansend(self.job, ('Content-Length: %d\r\n\r\n%s'):format(#body, body))
  return self.sequence
end

function Session:request(command, arguments, done)
  call('before', command)
  local request = { type = 'request', command = command, arguments = arguments or vim.empty_dict() }
  self.waiting[self:send(request)] = done or function() end
end

function Session:hear(message)
  if message.type == 'response' then
    local done = self.waiting[message.request_seq]
    self.waiting[message.request_seq] = nil
    done(not message.success and { message = message.message } or nil, message.body)
  elseif message.event == 'initialized' then
    self:request('configurationDone')
  else
    call('after', 'event_' .. message.event, message.body)
  end
end

function Session:read(text)
  self.unread = self.unread .. text
  while true do
    local _, head, length = self.unread:find('^Content%-Length: (%d+)\r\n\r\n')
    if not head or #self.unread < head + length then
      return
    end
    local body = self.unread:sub(head + 1, head + length)
    self.unread = self.unread:sub(head + length + 1)
    self:hear(vim.json.decode(body))
  end
end

function M.run(config)
  M.adapters[config.type](function(adapter)
    current = setmetatable({ id = 1, config = config, sequence = 0, waiting = {}, unread = '' }, Session)
    local function heard(_, lines)
      current:read(table.concat(lines, '\n'))
    end
    if adapter.type == 'server' then
      current.job = vim.fn.sockconnect('tcp', adapter.host .. ':' .. adapter.port, { on_data = heard })
    else
      current.job = vim.fn.jobstart(vim.list_extend({ adapter.command }, adapter.args), { on_stdout = heard })
    end
    M.adapter = adapter
    current:request('initialize', { adapterID = config.type }, function()
      current:request('launch', config)
    end)
  end, config)
end

function M.session()
  return current
end

for name, command in pairs({ step_over = 'next', step_back = 'stepBack', reverse_continue = 'reverseContinue' }) do
  M[name] = function()
    current:request(command, { threadId = 1 })
  end
end

function M.terminate()
  current:request('disconnect')
end

return M
