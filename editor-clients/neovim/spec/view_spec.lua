local helper = require('spec.server')

local SOURCE = 'def f(x):\n    y = x\n    return y'
local HINTS = {
  { position = { line = 1, character = 9 }, label = 'y ≈ 1' },
  { position = { line = 2, character = 12 }, label = '≈ 1 ≠ 2' },
}

local function marks(name)
  local namespace = vim.api.nvim_get_namespaces()[name]
  return namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
end

describe('hints', function()
  after_each(helper.stop)

  it('are inlay hints by default', function()
    helper.serve(SOURCE, { ['textDocument/inlayHint'] = HINTS })
    assert.is_true(vim.lsp.inlay_hint.is_enabled({ bufnr = 0 }))
    assert.same({}, marks('cwm_lsp.virtual_text'))
  end)

  it('are coloured virtual text if wanted, and then no inlay hints', function()
    require('cwm_lsp').setup({ hints = 'virtual_text' })
    helper.serve(SOURCE, { ['textDocument/inlayHint'] = HINTS })
    local drawn = {}
    for _, mark in ipairs(marks('cwm_lsp.virtual_text')) do
      drawn[mark[2]] = mark[4].virt_text[1]
    end
    assert.same({ [1] = { '  y ≈ 1', 'CwmLikely' }, [2] = { '  ≈ 1 ≠ 2', 'CwmDifferent' } }, drawn)
    assert.is_false(vim.lsp.inlay_hint.is_enabled({ bufnr = 0 }))
  end)

  it('are not shown at all if not wanted', function()
    vim.g.cwm_lsp = { hints = false }
    helper.serve(SOURCE, { ['textDocument/inlayHint'] = HINTS })
    assert.is_false(vim.lsp.inlay_hint.is_enabled({ bufnr = 0 }))
  end)

  it('have highlight groups that the user may set', function()
    vim.api.nvim_set_hl(0, 'CwmLikely', { fg = '#123456' })
    package.loaded['cwm_lsp.virtual_text'] = nil
    require('cwm_lsp.virtual_text')
    assert.equal(0x123456, vim.api.nvim_get_hl(0, { name = 'CwmLikely' }).fg)
    assert.equal('DiagnosticVirtualTextOk', vim.api.nvim_get_hl(0, { name = 'CwmCertain' }).link)
  end)
end)

describe('the trace', function()
  after_each(helper.stop)

  it('is one window before a run', function()
    helper.serve(SOURCE, { ['cwm.showTrace'] = { predicted = '# f(1) as predicted\ny ≈ 1', recorded = vim.NIL } })
    vim.cmd('Cwm trace')
    assert.equal(1, #vim.api.nvim_tabpage_list_wins(0))
    assert.same({ '# f(1) as predicted', 'y ≈ 1' }, vim.api.nvim_buf_get_lines(0, 0, -1, false))
    assert.is_false(vim.bo.modifiable)
  end)

  it('is two windows, compared, after a run', function()
    helper.serve(SOURCE, { ['cwm.showTrace'] = { predicted = '# predicted', recorded = '# ran' } })
    vim.cmd('Cwm trace')
    local windows = vim.api.nvim_tabpage_list_wins(0)
    assert.equal(2, #windows)
    for _, window in ipairs(windows) do
      assert.is_true(vim.wo[window].diff)
    end
    assert.equal('as it ran', vim.wo.winbar)
    vim.api.nvim_feedkeys('q', 'x', false)
    assert.equal(1, #vim.api.nvim_list_tabpages())
  end)

  it('has its windows beside each other where there is room', function()
    local columns = vim.o.columns
    helper.serve(SOURCE, { ['cwm.showTrace'] = { predicted = '# predicted', recorded = '# ran' } })
    for width, layout in pairs({ [80] = 'col', [160] = 'row' }) do
      vim.o.columns = width
      vim.cmd('Cwm trace')
      assert.equal(layout, vim.fn.winlayout()[1])
      vim.cmd('tabclose')
    end
    vim.o.columns = columns
  end)
end)

describe('the call', function()
  after_each(helper.stop)

  it('is chosen among those that were found, or typed', function()
    local server = helper.serve(SOURCE, {
      ['cwm.calls'] = {
        ['function'] = 'f',
        choices = { { call = 'f(1)', title = 'f(1) · from its doctest' }, { call = 'f(2)', title = 'f(2)' } },
      },
    })
    local shown
    vim.ui.select = function(choices, options, done)
      shown = vim.tbl_map(options.format_item, choices)
      done(choices[2])
    end
    vim.cmd('Cwm call')
    assert.same({ 'f(1) · from its doctest', 'f(2)', 'type another…' }, shown)
    local command, target = helper.last_command(server)
    assert.equal('cwm.selectCall', command)
    assert.same({ uri = vim.uri_from_bufnr(0), ['function'] = 'f', call = 'f(2)' }, target)
    vim.ui.select = function(choices, _, done)
      done(choices[3])
    end
    vim.ui.input = function(options, done)
      assert.equal('f(1)', options.default)
      done('f(3)')
    end
    vim.cmd('Cwm call')
    assert.equal('f(3)', select(2, helper.last_command(server)).call)
  end)
end)
