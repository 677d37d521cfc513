--- Hints as virtual text at the ends of lines, in colours: likely, certain and different values each have their own.

local M = {}

local namespace = vim.api.nvim_create_namespace('cwm_lsp.virtual_text')
---@type table<integer, boolean> Buffers whose hints are hidden.
local hidden = {}

local groups = { ['≈'] = 'CwmLikely', ['='] = 'CwmCertain', ['≠'] = 'CwmDifferent' }
local links = { CwmLikely = 'Comment', CwmCertain = 'DiagnosticVirtualTextOk', CwmDifferent = 'DiagnosticVirtualTextWarn' }
for name, link in pairs(links) do
  vim.api.nvim_set_hl(0, name, { link = link, default = true })
end

--- The colour of a hint: the most telling glyph in it.
---@param label string
---@return string
function M.group(label)
  for _, glyph in ipairs({ '≠', '≈', '=' }) do
    if label:find(' ' .. glyph .. ' ', 1, true) or vim.startswith(label, glyph .. ' ') then
      return groups[glyph]
    end
  end
  return groups['≈']
end

---@param bufnr integer
---@param hints lsp.InlayHint[]
local function draw(bufnr, hints)
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  if hidden[bufnr] then
    return
  end
  local count = vim.api.nvim_buf_line_count(bufnr)
  for _, hint in ipairs(hints) do
    if hint.position.line < count then
      vim.api.nvim_buf_set_extmark(bufnr, namespace, hint.position.line, 0, {
        virt_text = { { '  ' .. hint.label, M.group(hint.label) } },
        hl_mode = 'combine',
        priority = 4000, -- less than what Neovim draws lenses with: those come after
      })
    end
  end
end

--- Ask the server for the hints of a buffer, and draw them.
---@param bufnr integer
function M.refresh(bufnr)
  local client = require('cwm_lsp').client(bufnr)
  if not client or not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  local last = { line = vim.api.nvim_buf_line_count(bufnr), character = 0 }
  client:request('textDocument/inlayHint', {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    range = { start = { line = 0, character = 0 }, ['end'] = last },
  }, function(problem, hints)
    if not problem and vim.api.nvim_buf_is_loaded(bufnr) then
      draw(bufnr, hints or {})
    end
  end, bufnr)
end

---@param bufnr integer
function M.attach(bufnr)
  vim.api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI' }, {
    group = vim.api.nvim_create_augroup('cwm_lsp.virtual_text.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      M.refresh(bufnr)
    end,
  })
  M.refresh(bufnr)
end

---@param bufnr integer
function M.toggle(bufnr)
  hidden[bufnr] = not hidden[bufnr] or nil
  M.refresh(bufnr)
end

return M
