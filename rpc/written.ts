/**
 * A result whose JSON text its handler wrote itself, for methods called so often that an object in between is the
 * greater part of their cost. The dispatcher sends the text as it is.
 */
export class Written {
  readonly json: string;

  /** `json` must be what `JSON.stringify` would have written. */
  constructor(json: string) {
    this.json = json;
  }
}
