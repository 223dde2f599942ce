// One stream for all tabs of a browser: this shared worker holds it and passes every message on. A page that is opened while the stream is
// running asks for the state by itself.

const EVENTS = ["snapshot", "sites", "alarm", "gone", "beat"];
const ports = new Set();
let stream = null;

onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    if (data === "bye") leave(port);
    else join(port);
  };
};

function join(port) {
  ports.add(port);
  if (stream !== null && stream.readyState === EventSource.OPEN) port.postMessage({ event: "joined" });
  if (stream !== null && stream.readyState !== EventSource.CLOSED) return;
  stream = new EventSource("api/stream");
  for (const event of EVENTS) stream.addEventListener(event, (message) => tell({ event, data: message.data }));
  stream.onerror = () => tell({ event: "lost", isClosed: stream.readyState === EventSource.CLOSED });
}

function leave(port) {
  ports.delete(port);
  if (ports.size) return;
  stream?.close();
  stream = null;
}

function tell(message) {
  for (const port of ports) port.postMessage(message);
}
