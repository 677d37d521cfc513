--- Lenses above functions. Neovim 0.11 leaves it to others to say when they are asked for; newer ones know by themselves.

local M = {}

---@param bufnr integer
function M.refresh(bufnr)
  if not vim.lsp.codelens.enable and vim.api.nvim_buf_is_loaded(bufnr) then
    vim.lsp.codelens.refresh({ bufnr = bufnr })
  end
end

---@param bufnr integer
function M.attach(bufnr)
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = bufnr })
    return
  end
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged' }, {
    group = vim.api.nvim_create_augroup('cwm_lsp.lenses.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      M.refresh(bufnr)
    end,
  })
end

return M
