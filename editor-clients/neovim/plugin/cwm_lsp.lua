if vim.g.loaded_cwm_lsp then
  return
end
vim.g.loaded_cwm_lsp = true

vim.api.nvim_create_user_command('Cwm', function(command)
  require('cwm_lsp.command').run(command.args)
end, {
  nargs = '+',
  desc = 'Predict, run and compare the function under the cursor',
  complete = function(lead, line)
    return require('cwm_lsp.command').complete(lead, line)
  end,
})

local maps = {
  predict = 'Predict the call in use of the function under the cursor',
  run = 'Predict the call, run it, and compare',
  debug = 'Step through the prediction of the call in use',
  back = 'Step back in the prediction that is debugged',
  reverse = 'Go back in the prediction that is debugged',
  clear = 'Clear what is shown in this buffer',
  call = 'Choose or type the call to use',
  next = 'Look at the next iteration of the loop under the cursor',
  prev = 'Look at the previous iteration of the loop under the cursor',
  trace = 'Show the whole trace, predicted and recorded',
  verdicts = 'List which tests of this buffer will likely fail',
  test = 'Run the tests of this buffer, and list which fail',
  toggle = 'Show or hide the hints in this buffer',
}
for name, description in pairs(maps) do
  vim.keymap.set('n', ('<Plug>(cwm-%s)'):format(name), function()
    require('cwm_lsp.command').run(name)
  end, { desc = description })
end

vim.lsp.commands['cwm.changeCall'] = function(command, context)
  require('cwm_lsp').type_call(command.arguments[1], context.bufnr)
end
vim.lsp.commands['cwm.whatIf'] = function(command)
  require('cwm_lsp.dap').what_if(command.arguments[1])
end
vim.lsp.commands['cwm.more'] = function(command, context)
  require('cwm_lsp').more(command.arguments[1], context.bufnr)
end
vim.lsp.commands['cwm.copyCall'] = function(command)
  vim.fn.setreg('"', command.arguments[1].call)
  vim.fn.setreg('+', command.arguments[1].call)
end
vim.lsp.commands['cwm.debugPrediction'] = function(command)
  require('cwm_lsp').debug(command.arguments[1].call)
end
vim.lsp.commands['cwm.selectCall'] = function(command, context)
  require('cwm_lsp').call(nil, command.arguments[1], context.bufnr)
end
