---@type vim.lsp.Config
return {
  cmd = { 'cwm-lsp', 'serve' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'setup.py', 'setup.cfg', '.git' },
  capabilities = {
    experimental = { cwm = { commands = { 'cwm.more', 'cwm.changeCall' }, showsTraces = true } },
  },
  on_attach = function(client, bufnr)
    require('cwm_lsp').on_attach(client, bufnr)
  end,
}
