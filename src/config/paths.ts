/** Where notes, locks and the guard's socket are, unless the configuration says otherwise. A tmpfs: all of it ends with the boot. */
export const DEFAULT_STATE_DIRECTORY = "/run/dmthin";

/** The configuration file, unless the command line says otherwise. */
export const DEFAULT_CONFIGURATION = "/etc/dmthin/config.yaml";

/**
 * The file of a node of its own, beside one called config.yaml: a ConfigMap has one for all nodes, and one for each that
 * differs. Undefined where it is not said which node this is.
 */
export function ownConfiguration(path: string, nodeName: string | undefined): string | undefined {
  const usual = "/config.yaml";
  if (nodeName === undefined || !/^[\w.-]+$/.test(nodeName) || !path.endsWith(usual)) return undefined;
  return `${path.slice(0, -usual.length)}/${nodeName}.yaml`;
}

/** Where the commands of people ask a running driver. */
export const reportSocket = (stateDirectory: string): string => `${stateDirectory}/report.sock`;

/** Where they ask for what changes something. */
export const controlSocket = (stateDirectory: string): string => `${stateDirectory}/control.sock`;

/** One spelling for each absolute path, without looking at the disk: `/a//b/./` becomes `/a/b`. */
export function tidyPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.join("/")}`;
}
