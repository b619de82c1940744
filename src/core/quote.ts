const LONGEST = 80;

/** Foreign text inside a message: quoted, escaped, shortened. */
export function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}
