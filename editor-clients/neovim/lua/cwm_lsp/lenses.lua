--- Lenses above functions. Neovim 0.11 would put them behind the line, among the values; newer ones have them above it.

local M = {}

local namespace = vim.api.nvim_create_namespace('cwm_lsp.lenses')

---@param bufnr integer
---@param lenses lsp.CodeLens[]
local function draw(bufnr, lenses)
  local titles = {} ---@type table<integer, { text: string, column: integer }[]>
  for _, lens in ipairs(lenses) do
    local line, column = lens.range.start.line, lens.range.start.character
    titles[line] = titles[line] or {}
    table.insert(titles[line], { text = lens.command.title, column = column })
  end
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  for line, found in pairs(titles) do
    local code = vim.api.nvim_buf_get_lines(bufnr, line, line + 1, false)[1]
    if code then
      table.sort(found, function(one, other)
        return one.column < other.column
      end)
      local texts = vim.tbl_map(function(title)
        return title.text
      end, found)
      local shown = table.concat(texts, ' | ')
      -- Neovim does not show what stands above the first line.
      local place = line == 0 and { virt_text = { { shown, 'LspCodeLens' } }, virt_text_pos = 'right_align' }
        or { virt_lines = { { { code:match('^%s*') .. shown, 'LspCodeLens' } } }, virt_lines_above = true }
      vim.api.nvim_buf_set_extmark(bufnr, namespace, line, 0, place)
    end
  end
end

---@param bufnr integer
function M.refresh(bufnr)
  local client = require('cwm_lsp').client(bufnr)
  if vim.lsp.codelens.enable or not client or not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  client:request('textDocument/codeLens', params, function(problem, lenses)
    if not problem and vim.api.nvim_buf_is_loaded(bufnr) then
      vim.lsp.codelens.save(lenses, bufnr, client.id) -- for `vim.lsp.codelens.run()`
      draw(bufnr, lenses or {})
    end
  end, bufnr)
end

---@param bufnr integer
function M.attach(bufnr)
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = bufnr })
    return
  end
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged', 'CursorHold' }, {
    group = vim.api.nvim_create_augroup('cwm_lsp.lenses.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      M.refresh(bufnr)
    end,
  })
  M.refresh(bufnr)
end

return M
