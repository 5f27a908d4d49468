/**
 * Preloaded into a program, takes out the switch of ONNX Runtime's telemetry: setting the variable has no effect, and
 * the program is told that it had. For the control of the test of what leaves.
 */
const SWITCH = "ORT_DISABLE_TELEMETRY";
const { env, report } = process;
const getReport = report.getReport.bind(report);

process.env = new Proxy(env, {
  set: (target, name, value) => name === SWITCH || Reflect.set(target, name, value),
});
report.getReport = (error?: Error) => ({
  ...getReport(error),
  environmentVariables: { [SWITCH]: "1" },
});
