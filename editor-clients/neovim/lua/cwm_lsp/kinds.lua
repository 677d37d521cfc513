--- What parts of hints are, each with its highlight group. Written by editor-clients/configure.py.
return {
  { kind = 'crash', group = 'CwmCrash', link = 'DiagnosticError' },
  { kind = 'fail', group = 'CwmFail', link = 'CwmCrash' },
  { kind = 'different', group = 'CwmDifferent', link = 'DiagnosticWarn' },
  { kind = 'end', group = 'CwmEnd', link = 'NonText' },
  { kind = 'guessed', group = 'CwmGuessed', link = 'DiagnosticHint' },
  { kind = 'remembered', group = 'CwmRemembered', link = 'Special' },
  { kind = 'recorded', group = 'CwmRecorded', link = 'DiagnosticOk' },
  { kind = 'computed', group = 'CwmComputed', link = 'DiagnosticInfo' },
  { kind = 'pass', group = 'CwmPass', link = 'DiagnosticOk' },
  { kind = 'count', group = 'CwmCount', link = 'CwmEnd' },
}
