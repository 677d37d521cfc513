local commands = { 'cwm.more', 'cwm.changeCall', 'cwm.copyCall', 'cwm.whatIf' }
if vim.api.nvim_get_runtime_file('lua/dap.lua', false)[1] then
  commands[#commands + 1] = 'cwm.debugPrediction'
end

---@type vim.lsp.Config
return {
  cmd = { 'cwm-lsp', 'serve' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'setup.py', 'setup.cfg', '.git' },
  capabilities = {
    experimental = { cwm = { commands = commands, showsTraces = true } },
  },
  on_attach = function(client, bufnr)
    require('cwm_lsp').on_attach(client, bufnr)
  end,
}
