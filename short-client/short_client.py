# The short-connection client: the Python 3 twin of src/main.rs, with the original's bugs.

import socket
import sys

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:12345"
host, port = address.rsplit(":", 1)

client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)  # 1 create the socket
client.connect((host, int(port)))  # 2 connect to the server
client.send("i am TCP client".encode())  # 3 talk with the server: encode() turns text into bytes
reply = client.recv(4096)
print(reply.decode())
# 4 close the socket: the exit does
