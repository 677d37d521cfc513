local helper = require('spec.server')

local SOURCE = 'def f(x):\n    y = x\n    return y'
local INLAY = { { position = { line = 1, character = 9 }, label = 'y ≈ 1' } }
local HINTS = {
  hints = {
    { line = 1, parts = { { text = 'y ≈ 1', kind = 'guessed' }, { text = ' · 1/2', kind = 'count' } } },
    { line = 2, parts = { { text = '≈ 1 ≠ 2', kind = 'different' } } },
    { line = 99, parts = { { text = 'of a longer text', kind = 'computed' } } },
  },
}

local function marks(name)
  local namespace = vim.api.nvim_get_namespaces()[name]
  return namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
end

describe('hints', function()
  after_each(helper.stop)

  it('are inlay hints if wanted', function()
    require('cwm_lsp').setup({ hints = 'inlay' })
    helper.serve(SOURCE, { ['textDocument/inlayHint'] = INLAY })
    assert.is_true(vim.lsp.inlay_hint.is_enabled({ bufnr = 0 }))
    assert.same({}, marks('cwm_lsp.virtual_text'))
  end)

  it('are virtual text by default, each part in its colour, and then no inlay hints', function()
    helper.serve(SOURCE, { ['cwm/hints'] = HINTS })
    local drawn = {}
    for _, mark in ipairs(marks('cwm_lsp.virtual_text')) do
      drawn[mark[2]] = vim.list_slice(mark[4].virt_text, 2)
    end
    assert.same({
      [1] = { { 'y ≈ 1', 'CwmGuessed' }, { ' · 1/2', 'CwmCount' } },
      [2] = { { '≈ 1 ≠ 2', 'CwmDifferent' } },
    }, drawn)
    assert.is_false(vim.lsp.inlay_hint.is_enabled({ bufnr = 0 }))
  end)

  it('leave lines that are not reached dimmed', function()
    helper.serve(SOURCE, { ['cwm/unreachedLines'] = { lines = { 2 } } })
    local dimmed = marks('cwm_lsp.unreached')
    assert.equal(1, #dimmed)
    assert.same({ 2, 'CwmUnreached', 12 }, { dimmed[1][2], dimmed[1][4].hl_group, dimmed[1][4].end_col })
  end)

  it('are not shown at all if not wanted', function()
    vim.g.cwm_lsp = { hints = false }
    helper.serve(SOURCE, { ['textDocument/inlayHint'] = INLAY, ['cwm/hints'] = HINTS })
    assert.same({}, marks('cwm_lsp.virtual_text'))
    assert.is_false(vim.lsp.inlay_hint.is_enabled({ bufnr = 0 }))
  end)

  it('have highlight groups that the user may set', function()
    vim.api.nvim_set_hl(0, 'CwmGuessed', { fg = '#123456' })
    package.loaded['cwm_lsp.virtual_text'] = nil
    require('cwm_lsp.virtual_text')
    assert.equal(0x123456, vim.api.nvim_get_hl(0, { name = 'CwmGuessed' }).fg)
    assert.equal('DiagnosticOk', vim.api.nvim_get_hl(0, { name = 'CwmRecorded' }).link)
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
    helper.serve(SOURCE, {
      ['cwm.showTrace'] = {
        predicted = '# predicted\ny = 1',
        recorded = '# ran\ny = 2\n',
        differs = { predicted = { 1 }, recorded = { 1 } },
      },
    })
    vim.cmd('Cwm trace')
    local windows = vim.api.nvim_tabpage_list_wins(0)
    assert.equal(2, #windows)
    for _, window in ipairs(windows) do
      local bufnr = vim.api.nvim_win_get_buf(window)
      local lit = vim.api.nvim_buf_get_extmarks(bufnr, vim.api.nvim_get_namespaces()['cwm_lsp.trace'], 0, -1, {})
      assert.same({ 1, 1 }, { #lit, lit[1][2] })
      assert.is_true(vim.wo[window].scrollbind)
      assert.equal('python', vim.bo[bufnr].syntax)
      assert.is_truthy(vim.api.nvim_buf_get_name(bufnr):match('^cwm://'))
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
