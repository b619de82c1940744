/** Lists of the API server, page by page. */
import { z } from "zod";

/** Of one page; what is read of each item is little. */
const LIMIT = 500;

export interface PageRequest {
  readonly limit: number;
  /** As the page before said. */
  readonly _continue?: string;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly metadata?: { readonly _continue?: string };
}

/** All items that there are when it begins. Rejects as `ask` does: what came till then is not the whole list. */
export async function* itemsOf<Item>(
  ask: (request: PageRequest) => Promise<Page<Item>>,
): AsyncGenerator<Item, void> {
  let next: string | undefined;
  do {
    const page = await ask({ limit: LIMIT, ...(next === undefined ? {} : { _continue: next }) });
    yield* page.items;
    next = page.metadata?._continue;
  } while (next !== undefined && next !== "");
}

/** A page as the API server sends it, each item read by `item`. Throws where it is none. */
export function pageOf<Item>(list: unknown, item: z.ZodType<Item>): Page<Item> {
  const schema = z.object({
    metadata: z.object({ continue: z.string().optional() }),
    items: z.array(item),
  });
  const { items, metadata } = schema.parse(list);
  return { items, metadata: metadata.continue === undefined ? {} : { _continue: metadata.continue } };
}
