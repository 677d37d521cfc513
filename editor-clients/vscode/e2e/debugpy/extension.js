const vscode = require("vscode");

exports.activate = (context) => {
  const python = process.env.CWM_E2E_PYTHON;
  context.subscriptions.push(
    vscode.debug.registerDebugAdapterDescriptorFactory("debugpy", {
      createDebugAdapterDescriptor: () => new vscode.DebugAdapterExecutable(python, ["-m", "debugpy.adapter"]),
    }),
    // As the real extension does, it fills in the interpreter and where output goes.
    vscode.debug.registerDebugConfigurationProvider("debugpy", {
      resolveDebugConfiguration: (_folder, config) => ({ python, console: "internalConsole", ...config }),
    }),
  );
};
