// Loaded before Azurite: TLS on a port of its own in front of Azurite's http, so that both schemes
// serve the same data; Azurite itself speaks one scheme a process. The certificate comes when the
// container's address is known.
'use strict';
const fs = require('node:fs');
const net = require('node:net');
const tls = require('node:tls');

function serve(cert, key) {
  const options = { key, cert, allowHalfOpen: true };
  const server = tls.createServer(options, (outside) => {
    const inside = net.connect({ host: '127.0.0.1', port: 10000, allowHalfOpen: true });
    // Either side's failure ends both; the client sees a cut connection.
    const end = () => { outside.destroy(); inside.destroy(); };
    outside.on('error', end);
    inside.on('error', end);
    outside.pipe(inside).pipe(outside);
  });
  server.on('tlsClientError', (error) => console.error(`TLS: ${error.message}`));
  server.listen(10443, '0.0.0.0', () => console.log('TLS on port 10443'));
}

function read(name) {
  try { return fs.readFileSync(`/opt/azurite/tls/${name}.pem`, 'utf8'); } catch { return ''; }
}

const look = setInterval(() => {
  const [cert, key] = [read('cert'), read('key')];
  // The last line says that the file is whole.
  if (cert.includes('-----END') && key.includes('-----END')) {
    clearInterval(look);
    serve(cert, key);
  }
}, 50);
