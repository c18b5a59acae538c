import { isUtf8 } from 'node:buffer';
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { reasonOf } from './hash-file.ts';

export const RECEIPT_SUFFIX = '.pyr.json';

/** Directories that are never entered: version control's and this tool's own. */
const SKIPPED_DIRS: ReadonlySet<string> = new Set(['.git', '.pyralog']);

export interface FoundFile {
  readonly path: string;
  /** Named on the command line, and not found in a directory. */
  readonly named: boolean;
  readonly bytes: number;
}

export interface Found {
  readonly files: readonly FoundFile[];
  readonly receipts: readonly string[];
  readonly skipped: {
    readonly links: number;
    readonly directories: number;
    readonly special: number;
  };
  /** What cannot be read, with the reason. */
  readonly unreadable: readonly { readonly path: string; readonly message: string }[];
}

export function receiptPathOf(file: string): string {
  return `${file}${RECEIPT_SUFFIX}`;
}

export function isReceiptPath(path: string): boolean {
  return path.endsWith(RECEIPT_SUFFIX);
}

interface Bag {
  files: FoundFile[];
  receipts: string[];
  links: number;
  directories: number;
  special: number;
  unreadable: { path: string; message: string }[];
  seen: Set<string>;
}

/**
 * The files that arguments name, directories recursively, each once. In directories receipts are set apart, and links,
 * `.git`, `.pyralog` and what is no regular file are skipped and counted; a link that is named itself is followed.
 */
export function findFiles(paths: readonly string[]): Found {
  const bag: Bag = {
    files: [],
    receipts: [],
    links: 0,
    directories: 0,
    special: 0,
    unreadable: [],
    seen: new Set(),
  };
  for (const path of paths) {
    try {
      const stat = statSync(path);
      if (stat.isDirectory()) visit(path, bag);
      else if (stat.isFile()) add({ path, named: true, bytes: stat.size }, bag);
      else bag.unreadable.push({ path, message: 'not a regular file; `-` takes a stream' });
    } catch (error) {
      // Node has put U+FFFD where the name's bytes are no UTF-8, and so looks for another file.
      const message = path.includes('\ufffd')
        ? 'no such file, or its name is not UTF-8'
        : reasonOf(error);
      bag.unreadable.push({ path, message });
    }
  }
  const { files, receipts, links, directories, special, unreadable } = bag;
  return { files, receipts, skipped: { links, directories, special }, unreadable };
}

function visit(dir: string, bag: Bag): void {
  let names: string[];
  try {
    const raw = readdirSync(dir, { encoding: 'buffer' });
    // Such a file cannot be opened under the name that Node makes of it: better said than left out.
    for (const name of raw.filter((bytes) => !isUtf8(bytes)))
      bag.unreadable.push({ path: join(dir, name.toString()), message: 'its name is not UTF-8' });
    names = raw
      .filter((bytes) => isUtf8(bytes))
      .map((bytes) => bytes.toString())
      .sort();
  } catch (error) {
    bag.unreadable.push({ path: dir, message: reasonOf(error) });
    return;
  }
  for (const name of names) {
    const path = join(dir, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue; // removed since the directory was read
    if (stat.isSymbolicLink()) bag.links++;
    else if (stat.isDirectory() && SKIPPED_DIRS.has(basename(path))) bag.directories++;
    else if (stat.isDirectory()) visit(path, bag);
    else if (!stat.isFile()) bag.special++;
    else add({ path, named: false, bytes: stat.size }, bag);
  }
}

function add(file: FoundFile, bag: Bag): void {
  const key = resolve(file.path);
  if (bag.seen.has(key)) return;
  bag.seen.add(key);
  if (isReceiptPath(file.path)) bag.receipts.push(file.path);
  else bag.files.push(file);
}

/** `3 links, 1 directory` or ''. */
export function skippedText({ links, directories, special }: Found['skipped']): string {
  const part = (count: number, one: string, many: string) =>
    count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  return [
    ...part(links, 'link', 'links'),
    ...part(directories, '.git or .pyralog directory', '.git or .pyralog directories'),
    ...part(special, 'special file', 'special files'),
  ].join(', ');
}
