--- `:checkhealth cwm_lsp`

local M = {}

function M.check()
  local health = vim.health
  health.start('cwm-lsp')
  if vim.fn.has('nvim-0.11') == 0 then
    health.error('Neovim 0.11 or newer is needed')
    return
  end
  health.ok(('Neovim %s'):format(vim.version()))

  local config = vim.lsp.config['cwm_lsp']
  local command = config and config.cmd
  local program = type(command) == 'table' and command[1] or nil
  if not program then
    health.error('the server is not configured', 'add the plugin to the runtime path')
  elseif vim.fn.executable(program) == 0 then
    health.error(('%s is not on the path'):format(program), {
      'install it: pip install cwm-lsp',
      "or name it: vim.lsp.config('cwm_lsp', { cmd = { '/path/to/cwm-lsp', 'serve' } })",
    })
  else
    local result = vim.system({ program, '--version' }, { text = true }):wait(10000)
    if result.code == 0 then
      health.ok(('%s (%s)'):format(vim.trim(result.stdout), vim.fn.exepath(program)))
    else
      health.error(('%s --version failed: %s'):format(program, vim.trim(result.stderr or '')))
    end
  end

  if vim.lsp.is_enabled and not vim.lsp.is_enabled('cwm_lsp') then
    health.warn('the server is not enabled', "add vim.lsp.enable('cwm_lsp') to your configuration")
  else
    health.ok('the server is enabled')
  end
  local clients = vim.lsp.get_clients({ name = 'cwm_lsp' })
  if #clients == 0 then
    health.info('the server is not running: open a Python file')
  end
  for _, client in ipairs(clients) do
    health.ok(('running for %s'):format(client.root_dir or 'a single file'))
  end

  local hints = require('cwm_lsp').options().hints
  health.info(('hints are shown as %s'):format(hints or 'nothing'))
  if pcall(require, 'dap') then
    health.ok('nvim-dap is there: predictions can be debugged, and debug sessions are compared with them')
  else
    health.info('nvim-dap is not installed: predictions cannot be debugged, nor debug sessions compared with them')
  end
end

return M
