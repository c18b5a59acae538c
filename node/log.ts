import { type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../base/log.ts';
import type { LogLevel } from '../rpc/index.ts';

export interface NodeLogger extends Logger {
  setLevel(level: LogLevel): void;
}

/**
 * JSON lines on standard error, written synchronously: the last line before a crash is the one that matters. Each
 * thread has its own, bound to the thread's name.
 */
export function createLogger(level: LogLevel, thread: string): NodeLogger {
  const log: PinoLogger = pino(
    { level, base: { thread }, timestamp: stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    setLevel(next) {
      log.level = next;
    },
  };
}
