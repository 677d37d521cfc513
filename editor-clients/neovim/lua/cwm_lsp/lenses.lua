--- Lenses above functions: asked for when there is a pause, as Neovim 0.11 leaves that to its users.

local M = {}

---@param bufnr integer
function M.attach(bufnr)
  local group = vim.api.nvim_create_augroup('cwm_lsp.lenses.' .. bufnr, {})
  local function refresh()
    if vim.api.nvim_buf_is_valid(bufnr) then
      vim.lsp.codelens.refresh({ bufnr = bufnr })
    end
  end
  vim.api.nvim_create_autocmd({ 'BufEnter', 'CursorHold', 'InsertLeave', 'TextChanged' }, {
    group = group,
    buffer = bufnr,
    callback = refresh,
  })
  -- A first outline takes the server a moment.
  vim.defer_fn(refresh, 500)
end

return M
