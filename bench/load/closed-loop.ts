/** A closed loop: so many requests are out at any time, and each answer sends the next until the time is over. */
import { median, quantile } from '../sample.ts';
import type { LoadResult, Sample } from './types.ts';
import type { LeanSocket } from './websocket.ts';

interface Loop {
  readonly sockets: readonly LeanSocket[];
  /** Requests each socket has out. */
  readonly inFlight: number;
  readonly ms: number;
  /** Sends request number `slot` (0 … inFlight - 1) of socket `client`. */
  readonly send: (client: number, slot: number) => void;
  /** Checks an answer; returns its slot. Throws when it is wrong. */
  readonly receive: (client: number, payload: Buffer) => number;
  /** What one answer counts. */
  readonly weight: number;
  readonly samples: readonly Sample[];
}

/** Runs the loop to its end. Rejects with the first wrong answer or broken connection. */
export function runLoop(loop: Loop): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const { sockets, inFlight } = loop;
    const latencies: number[] = [];
    const sentAt = new Float64Array(sockets.length * inFlight);
    let out = sockets.length * inFlight;
    const cpu = process.cpuUsage();
    const start = performance.now();
    const end = start + loop.ms;
    const finish = () => {
      const { user, system } = process.cpuUsage(cpu);
      resolve({
        count: latencies.length * loop.weight,
        seconds: (performance.now() - start) / 1000,
        p50Ms: median(latencies),
        p99Ms: quantile(latencies, 0.99),
        cpuMicros: user + system,
        samples: loop.samples,
      });
    };
    const send = (client: number, slot: number) => {
      sentAt[client * inFlight + slot] = performance.now();
      loop.send(client, slot);
    };
    sockets.forEach((socket, client) => {
      socket.onBroken = reject;
      socket.onMessage = (payload) => {
        try {
          const slot = loop.receive(client, payload);
          const now = performance.now();
          latencies.push(now - (sentAt[client * inFlight + slot] ?? now));
          if (now < end) send(client, slot);
          else if (--out === 0) finish();
        } catch (error) {
          reject(error);
        }
      };
      for (let slot = 0; slot < inFlight; slot++) send(client, slot);
    });
  });
}
