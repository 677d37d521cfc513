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

---@param client vim.lsp.Client
---@param bufnr integer
local function refresh(client, bufnr)
  if not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  local last = vim.api.nvim_buf_line_count(bufnr)
  local range = { start = { line = 0, character = 0 }, ['end'] = { line = last, character = 0 } }
  client:request('textDocument/inlayHint', { textDocument = { uri = vim.uri_from_bufnr(bufnr) }, range = range }, function(problem, hints)
    if problem or not vim.api.nvim_buf_is_loaded(bufnr) then
      return
    end
    vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
    if hidden[bufnr] then
      return
    end
    for _, hint in ipairs(hints or {}) do
      if hint.position.line < vim.api.nvim_buf_line_count(bufnr) then
        vim.api.nvim_buf_set_extmark(bufnr, namespace, hint.position.line, 0, {
          virt_text = { { '  ' .. hint.label, M.group(hint.label) } },
          hl_mode = 'combine',
        })
      end
    end
  end, bufnr)
end

---@param bufnr integer
local function refresh_buffer(bufnr)
  local client = require('cwm_lsp').client(bufnr)
  if client then
    refresh(client, bufnr)
  end
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  client.handlers['workspace/inlayHint/refresh'] = function()
    for attached in pairs(client.attached_buffers) do
      refresh(client, attached)
    end
    return vim.NIL
  end
  vim.api.nvim_create_autocmd('TextChanged', {
    group = vim.api.nvim_create_augroup('cwm_lsp.virtual_text.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      refresh_buffer(bufnr)
    end,
  })
  refresh(client, bufnr)
end

---@param bufnr integer
function M.toggle(bufnr)
  hidden[bufnr] = not hidden[bufnr] or nil
  refresh_buffer(bufnr)
end

return M
