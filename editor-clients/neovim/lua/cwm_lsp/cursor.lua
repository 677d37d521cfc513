--- Tells the server where the user is, so that this is looked at first.

local M = {}

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  local function tell()
    if vim.api.nvim_get_current_buf() == bufnr and not client:is_stopped() then
      client:notify('cwm/cursor', {
        uri = vim.uri_from_bufnr(bufnr),
        line = vim.api.nvim_win_get_cursor(0)[1] - 1,
        first = vim.fn.line('w0') - 1,
        last = vim.fn.line('w$') - 1,
      })
    end
  end
  vim.api.nvim_create_autocmd({ 'CursorHold', 'CursorHoldI', 'BufEnter', 'InsertEnter', 'WinScrolled' }, {
    group = vim.api.nvim_create_augroup('cwm_lsp.cursor.' .. bufnr, {}),
    buffer = bufnr,
    callback = tell,
  })
  tell()
end

return M
