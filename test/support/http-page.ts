/** What a page on loopback says, whatever its status. */
export const httpPage = async (port: number, path: string): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).text();
