--- A language server inside Neovim that says what a spec has it say, and remembers what it was asked.

local M = {}

---@class cwm_lsp.spec.Server
---@field asked { method: string, params: table }[]
---@field answers table<string, any> Answers by command name, or by method.

--- Open a Python buffer with this text, served by a server that gives these answers.
---@param text string
---@param answers? table<string, any>
---@return cwm_lsp.spec.Server
function M.serve(text, answers)
  local server = { asked = {}, answers = answers or {} }
  local function remember(method, params)
    server.asked[#server.asked + 1] = { method = method, params = params }
  end
  vim.lsp.config('cwm_lsp', {
    cmd = function(dispatchers)
      local closing = false
      local function close()
        if not closing then
          closing = true
          dispatchers.on_exit(0, 0)
        end
      end
      return {
        request = function(method, params, callback)
          remember(method, params)
          local answer
          if method == 'initialize' then
            answer = { capabilities = { inlayHintProvider = true, executeCommandProvider = { commands = {} } } }
          elseif method == 'workspace/executeCommand' then
            answer = vim.tbl_extend('error', { state = 'done' }, server.answers[params.command] or {})
          else
            answer = server.answers[method]
          end
          callback(nil, answer)
          return true, #server.asked
        end,
        notify = function(method, params)
          remember(method, params)
          if method == 'exit' then
            close()
          end
          return true
        end,
        is_closing = function()
          return closing
        end,
        terminate = close,
      }
    end,
  })
  vim.cmd.enew({ bang = true })
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(text, '\n'))
  vim.api.nvim_buf_set_name(0, vim.fn.tempname() .. '.py')
  vim.lsp.enable('cwm_lsp')
  vim.bo.filetype = 'python'
  assert(vim.wait(5000, function()
    return #vim.lsp.get_clients({ bufnr = 0, name = 'cwm_lsp' }) > 0
  end))
  return server
end

--- End it, and leave nothing open.
function M.stop()
  vim.lsp.enable('cwm_lsp', false)
  for _, client in ipairs(vim.lsp.get_clients()) do
    client:stop(true)
  end
  assert(vim.wait(5000, function()
    return #vim.lsp.get_clients() == 0
  end))
  vim.cmd('silent! tabonly! | silent! only! | silent! %bwipeout!')
  vim.g.cwm_lsp = nil
end

--- The last thing that it was asked with this method.
---@param server cwm_lsp.spec.Server
---@param method string
---@return table?
function M.last(server, method)
  for index = #server.asked, 1, -1 do
    if server.asked[index].method == method then
      return server.asked[index].params
    end
  end
end

--- The last command that it was given, and its argument.
---@param server cwm_lsp.spec.Server
function M.last_command(server)
  local params = M.last(server, 'workspace/executeCommand')
  return params and params.command, params and params.arguments[1]
end

return M
