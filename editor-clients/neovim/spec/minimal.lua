-- What every spec begins with: the plugin, and nothing of the user's.
vim.opt.runtimepath:prepend(vim.fn.getcwd())
vim.cmd('runtime plugin/cwm_lsp.lua')
vim.lsp.log.set_level(vim.lsp.log.levels.OFF)
