local helper = require('spec.server')

local SOURCE = 'def f(x):\n    y = x\n    return y'

describe(':Cwm', function()
  local server, told

  before_each(function()
    server = helper.serve(SOURCE, { ['cwm.predict'] = { call = 'f(1)', predicted = 'likely returns 1' } })
    vim.api.nvim_win_set_cursor(0, { 2, 4 })
    told = {}
    vim.notify = function(text, level)
      told[#told + 1] = { text, level }
    end
  end)
  after_each(helper.stop)

  it('is about the function under the cursor', function()
    vim.cmd('Cwm predict')
    local command, target = helper.last_command(server)
    assert.equal('cwm.predict', command)
    assert.same({ uri = vim.uri_from_bufnr(0), position = { line = 1, character = 0 } }, target)
  end)

  it('passes a call on as it was typed', function()
    for _, call in ipairs({ 'f("a  b")', [[f("a\\n\ b")]], 'f(1) | f', 'f("%#")' }) do
      vim.cmd('Cwm run ' .. call)
      local command, target = helper.last_command(server)
      assert.equal('cwm.predictThenRun', command)
      assert.equal(call, target.call)
    end
  end)

  it('takes a call only where one has a meaning', function()
    vim.cmd('Cwm next f(1)')
    assert.same({ { 'Cwm: next takes no argument', vim.log.levels.ERROR } }, told)
    vim.cmd('Cwm sing')
    assert.same({ 'Cwm: there is no action sing', vim.log.levels.ERROR }, told[2])
    assert.is_nil(helper.last_command(server))
  end)

  it('says so where there is no server', function()
    vim.cmd('enew!')
    vim.cmd('Cwm predict')
    assert.matches('not running', told[1][1])
  end)

  it('completes its actions, and not the calls', function()
    local function completed(line)
      return vim.fn.getcompletion(line, 'cmdline')
    end
    assert.same({ 'call', 'cancel', 'clear' }, completed('Cwm c'))
    assert.equal(28, #completed('Cwm '))
    assert.same({}, completed('Cwm call f'))
  end)

  it('has all that is documented, and documents all that it has', function()
    local doc = table.concat(vim.fn.readfile('doc/cwm_lsp.txt'), '\n')
    local documented = {}
    for name in doc:gmatch('\n:Cwm (%l+)') do
      documented[#documented + 1] = name
    end
    table.sort(documented)
    assert.same(vim.fn.getcompletion('Cwm ', 'cmdline'), documented)
    for plug in doc:gmatch('%*(<Plug>%b())%*') do
      assert.not_equal('', vim.fn.maparg(plug, 'n'), plug)
    end
  end)

  it('has <Plug> mappings and no keys', function()
    vim.keymap.set('n', '<leader>cp', '<Plug>(cwm-predict)')
    vim.api.nvim_feedkeys(vim.keycode('<leader>cp'), 'x', false)
    assert.equal('cwm.predict', (helper.last_command(server)))
    for _, map in ipairs(vim.api.nvim_get_keymap('n')) do
      assert.is_true(vim.startswith(map.lhs, '<Plug>') or not (map.desc or ''):match('[Pp]redict'))
    end
  end)
end)
