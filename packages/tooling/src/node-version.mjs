// Runs before anything else and on any Node that knows modules: no syntax or API newer than Node 12 in this file.

/**
 * Whether the packages support this Node.
 *
 * @param {string} version such as "v20.19.0"
 */
export function isSupported(version) {
  const numbers = version.replace("v", "").split(".");
  const major = Number(numbers[0]);
  return major > 20 || (major === 20 && Number(numbers[1]) >= 19);
}

/**
 * Runs the command where Node is new enough, and otherwise says so in one sentence.
 *
 * @param {() => Promise<unknown>} command
 */
export function onSupportedNode(command) {
  if (isSupported(process.version)) {
    command().catch(function (/** @type {unknown} */ error) {
      console.error(error);
      process.exitCode = 1;
    });
    return;
  }
  console.error("This workspace needs Node 20.19 or newer, and this is Node " + process.version.replace("v", "") + ".");
  process.exitCode = 1;
}
