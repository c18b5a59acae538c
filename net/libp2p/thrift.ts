/**
 * What libp2p spends without need, left out. At a hundred small messages a second a quarter of a node's event loop went
 * into writing to sockets: one system call a muxer frame, and a window update for every frame that came.
 *
 * Neither has a public option, so both reach into parts without a public door. That they are there is asserted when a
 * host starts and a connection opens; a test shows what they do.
 */
import type { Server, Socket } from 'node:net';
import type { TCPComponents } from '@libp2p/tcp';
import { assert } from '../../base/errors.ts';
import type { Modules } from './modules.ts';
import { leanMuxer, type MuxerInside, withoutUnheard } from './muxing.ts';

/** A reader tells how much it took once this share of its window is used; a sender has the rest until it hears of it. */
const WINDOW_SHARE = 4;
/** Yamux's states in which a window update carries a flag that the other side waits for: begun, and answered. */
const FLAGGED_STATES: readonly unknown[] = [0, 2];

interface TcpInside {
  _connect(...args: unknown[]): Promise<Socket>;
  createListener(...args: unknown[]): { readonly server?: Server };
}

/** The transport over TCP whose sockets write once a turn of the event loop what was sent in it. */
export function thriftyTcp({
  tcp,
}: Modules): (components: TCPComponents) => ReturnType<ReturnType<Modules['tcp']['tcp']>> {
  const make = tcp.tcp();
  return (components) => {
    const transport = make(components);
    const inside = transport as unknown as TcpInside;
    assert(typeof inside._connect === 'function', 'libp2p dials through _connect');
    const connect = inside._connect.bind(transport);
    const createListener = inside.createListener.bind(transport);
    inside._connect = async (...args) => gather(await connect(...args));
    inside.createListener = (...args) => {
      const listener = createListener(...args);
      assert(listener.server !== undefined, 'a listener of libp2p has a server');
      // Before libp2p's own, so that its first answer is gathered too.
      listener.server.prependListener('connection', gather);
      return listener;
    };
    return transport;
  };
}

/** Makes a socket hold back what is written until the turn's input is read: frames of one turn leave in one call. */
export function gather(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let held = false;
  const release = () => {
    held = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]) => {
    if (!held) {
      held = true;
      socket.cork();
      setImmediate(release);
    }
    return write(...args);
  };
  return socket;
}

/** What is known of a stream of yamux 8. */
export interface StreamInside {
  readonly state: unknown;
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

interface StreamMaker {
  _newStream(...args: unknown[]): StreamInside;
}

/** Yamux whose streams tell of a window when it is worth a frame. */
export function thriftyYamux(
  { yamux }: Modules,
  init: { readonly streamOptions: { readonly maxStreamWindowSize: number } } & Parameters<
    Modules['yamux']['yamux']
  >[0],
): ReturnType<Modules['yamux']['yamux']> {
  const make = yamux.yamux(init);
  return () => {
    const factory = make();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => {
      const muxer = create(connection);
      leanMuxer(muxer as unknown as MuxerInside, init.streamOptions.maxStreamWindowSize);
      const inside = muxer as unknown as StreamMaker;
      assert(typeof inside._newStream === 'function', 'yamux makes streams in _newStream');
      const newStream = inside._newStream.bind(muxer);
      inside._newStream = (...args) => withoutUnheard(withFewerUpdates(newStream(...args)));
      return muxer;
    };
    return factory;
  };
}

/** Lets a window update pass only when it carries a flag or a share of the window was used. */
export function withFewerUpdates(stream: StreamInside): StreamInside {
  const update = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    const used = stream.recvWindow - stream.recvWindowCapacity;
    if (FLAGGED_STATES.includes(stream.state) || used * WINDOW_SHARE >= stream.recvWindow) update();
  };
  return stream;
}
