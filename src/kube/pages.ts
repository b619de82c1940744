/** Lists of the API server, page by page. */

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
