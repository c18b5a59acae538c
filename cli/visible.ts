/**
 * Text for a terminal: what could move the cursor, colour, reorder or begin a line is shown as its code, so that the
 * name of a file cannot pass for a line of this tool.
 */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The last moment that a JavaScript date can hold, in ms since 1970. */
const DATE_MS_MAX = 8.64e15;

/** A time in ms since 1970 as ISO 8601; a signer may claim one that no calendar has (C1). */
export function timeText(ms: number): string {
  return ms <= DATE_MS_MAX ? new Date(ms).toISOString() : `${ms} ms after 1970`;
}
