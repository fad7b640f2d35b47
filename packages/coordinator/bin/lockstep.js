#!/usr/bin/env node
// Old syntax on purpose: this file must run far enough on any Node to say which ones will do.
var version = process.versions.node.split('.').map(Number);
function atLeast(major, minor, patch) {
  if (version[0] !== major) return version[0] > major;
  if (version[1] !== minor) return version[1] > minor;
  return version[2] >= patch;
}
var supported = (version[0] === 22 && atLeast(22, 22, 2)) || atLeast(24, 14, 1);
if (!supported) {
  console.error(
    'Lockstep needs Node 22.22.2 or later 22, or 24.14.1 or later, and this is ' +
      process.versions.node +
      ': install a newer Node.',
  );
  process.exitCode = 2;
} else {
  import('../dist/cli/start.js');
}
