/** Names a peer: a libp2p peer id, or a node name in a simulated network. */
export type PeerId = string;

/**
 * What a peer did wrong. A value, never an exception; each has a weight in the score book (G12).
 * Hosts report `malformed` (bytes that do not decode), `invalid` (decodes, but breaks a rule of the protocol),
 * `flood` (more than asked for); the network itself reports all of them.
 */
export type Fault =
  | 'malformed'
  | 'invalid'
  | 'oversized'
  | 'flood'
  | 'wrong-network'
  | 'wrong-genesis'
  | 'old-version'
  | 'unresponsive';
