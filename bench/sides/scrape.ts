/** What Prometheus does. */
export async function scrape(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the scrape of port ${port} ended with ${answer.status}: ${text}`);
  return text;
}
