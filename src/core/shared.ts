/** The same work for all who ask while it is under way. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => {
    underWay ??= work().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

/**
 * One piece of work for all who asked before it began: whoever asks while it is under way gets the next one, which begins
 * when this has ended. So what is learned by it is never older than the question.
 */
export function sharedFresh<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= underWay.then(() => {
      next = undefined;
      const mine = work();
      underWay = mine.catch(() => undefined);
      return mine;
    });
    return next;
  };
}
