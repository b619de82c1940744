/** SQLite's result codes as node:sqlite reports them. Source: https://www.sqlite.org/rescode.html */

export const SQLITE = { busy: 5, readOnly: 8, corrupt: 11, constraint: 19, notADatabase: 26 } as const;

const CONSTRAINT_PRIMARY_KEY = 1555;
const CONSTRAINT_UNIQUE = 2067;

/** The primary code of an error of SQLite; undefined for any other error. */
export function primaryCode(error: unknown): number | undefined {
  const code = resultCode(error);
  return code === undefined ? undefined : code & 0xff;
}

/** Whether a statement failed because its key is another row's. */
export function isTaken(error: unknown): boolean {
  const code = resultCode(error);
  return code === CONSTRAINT_PRIMARY_KEY || code === CONSTRAINT_UNIQUE;
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}
