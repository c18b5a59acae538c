// SPDX-License-Identifier: Apache-2.0
/**
 * What the parts of a node need of a logger. Shaped after pino, which implements it as it is: fields first, then a
 * constant message, so that log lines can be counted by message and searched by field.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Fields of one log line; an error goes under `err`. Never secrets, never whole payloads. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A logger that drops everything: for tests and for programs that print their own output. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
};
