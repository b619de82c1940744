/** A cleaning as it is asked for over HTTP. What is not exactly known is refused: it may have meant that nothing is deleted. */
import type { CleaningRequest } from "./cluster-orphans.ts";
import { InvalidRequestError } from "./errors.ts";

const TRUE = "true";

export const cleaningQuery = ({ ids, apply }: CleaningRequest): URLSearchParams =>
  new URLSearchParams([...ids.map((id) => ["id", id]), ...(apply ? [["apply", TRUE]] : [])]);

/** Throws InvalidRequestError that names the parameter. */
export function parseCleaningQuery(query: URLSearchParams): CleaningRequest {
  for (const key of query.keys())
    if (key !== "id" && key !== "apply")
      throw new InvalidRequestError(JSON.stringify(key), "is no parameter here; there are id and apply");
  const said = query.getAll("apply");
  if (said.length > 1 || said.some((each) => each !== TRUE))
    throw new InvalidRequestError(
      "apply",
      `is ${said.map((each) => JSON.stringify(each)).join(", ")}; it is "true", once, or left out`,
    );
  return { ids: query.getAll("id"), apply: said.length === 1 };
}
