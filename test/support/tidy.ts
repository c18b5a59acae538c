/**
 * House style as functions over file contents (docs in CONTRIBUTING.md): each returns the offences it finds, so that a
 * test can feed it good and bad input alike.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const SKIPPED = new Set(['node_modules', 'target', '.git', 'dist', 'coverage', '.pyralog']);
const TEXT = /\.(ts|mjs|cjs|rs|py|md|toml|json|yml|yaml|sh|txt)$/;

/** Every text file of the repository except vectors and lock files. */
export function sourceFiles(): SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) visit(path);
      } else if (TEXT.test(entry.name) && entry.name !== 'package-lock.json') {
        files.push({
          path: relative(root, path).replaceAll('\\', '/'),
          text: readFileSync(path, 'utf8'),
        });
      }
    }
  };
  visit(root);
  return files;
}

// Put together so that this file does not offend itself.
const LEFTOVERS = new RegExp(
  `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b|${'unimpl' + 'emented!'}|${'to' + 'do!'}\\(`,
);

export function leftovers(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, i) => (LEFTOVERS.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

const MACHINE_PATH = new RegExp(
  `(^|[\\s"'\`(=])/(${['wo' + 'rk', 'ro' + 'ot', 'ho' + 'me'].join('|')})/[a-z.]`,
);

export function machinePaths(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, i) => (MACHINE_PATH.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

/** Relative links in Markdown that lead nowhere. */
export function deadLinks(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
        const file = target.split('#')[0] ?? '';
        if (file === '' || /^[a-z]+:/.test(target)) return [];
        return existsSync(join(root, dirname(path), file)) ? [] : [`${path}: ${target}`];
      }),
    );
}

/** Where a spec page makes a rule: one letter a page, or two. */
const RULE_MADE = /^- \*\*([A-Z]{1,2}\d+)\*\*/gm;

/** Rules that docs/spec defines (`- **W3** …`) and no source file cites. */
export function uncitedRules(files: readonly SourceFile[]): string[] {
  const defined = files
    .filter(({ path }) => path.startsWith('docs/spec/'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(RULE_MADE)].map(([, rule = '']) => ({ rule, path })),
    );
  const code = files
    .filter(({ path }) => /\.(ts|rs|mjs)$/.test(path))
    .map(({ text }) => text)
    .join('\n');
  const cited = new Set([...code.matchAll(/\b[A-Z]{1,2}\d{1,2}\b/g)].map(([rule]) => rule));
  for (const [, letter = '', from = '0', to = '0'] of code.matchAll(
    /\b([A-Z]{1,2})(\d{1,2})(?:[-–]| to )\1?(\d{1,2})\b/g,
  ))
    for (let i = Number(from); i <= Number(to); i++) cited.add(`${letter}${i}`);
  return defined.filter(({ rule }) => !cited.has(rule)).map(({ rule, path }) => `${path}: ${rule}`);
}

/** Two spec pages must not use one rule name. */
export function doubleRules(files: readonly SourceFile[]): string[] {
  const seen = new Map<string, string>();
  const double: string[] = [];
  for (const { path, text } of files.filter((file) => file.path.startsWith('docs/spec/')))
    for (const [, rule = ''] of text.matchAll(RULE_MADE)) {
      const first = seen.get(rule);
      if (first !== undefined) double.push(`${rule}: ${first} and ${path}`);
      seen.set(rule, path);
    }
  return double;
}

/** Names in `have` that the text of `page` does not mention in backticks. */
export function undocumented(have: readonly string[], page: string): string[] {
  return have.filter((name) => !page.includes(`\`${name}\``));
}

export function foldersWithoutReadme(files: readonly SourceFile[]): string[] {
  const folders = new Set(
    files.map(({ path }) => path.split('/')).flatMap((p) => (p.length > 1 ? [p[0] ?? ''] : [])),
  );
  return [...folders]
    .filter((folder) => !folder.startsWith('.'))
    .filter((folder) => {
      const readme = files.find(({ path }) => path === `${folder}/README.md`);
      return readme === undefined || readme.text.split('\n').length > 41;
    });
}

const APACHE = /^(receipt|client|api|base)\/.*\.ts$/;

/** Source files of the Apache-2.0 folders must say so in their first line. */
export function withoutLicence(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => APACHE.test(path))
    .filter(({ text }) => !text.startsWith('// SPDX-License-Identifier: Apache-2.0\n'))
    .map(({ path }) => path);
}
