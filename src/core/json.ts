/** JSON of values with bigints (bytes, transaction ids): decimal text, because most readers of JSON would round a number. */

/** For `JSON.stringify`. */
export const bigintAsText = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? value.toString() : value;

/** For scripts: indented, with a newline at its end. */
export const formatJson = (value: unknown): string => `${JSON.stringify(value, bigintAsText, 2)}\n`;
