/* The least a client can do: one thread, epoll, and the same request again and again over kept-alive connections.
 *
 *   raw_epoll PORT PATH BODY_FILE CONNECTIONS SECONDS      the token is in BULKMSG_TOKEN
 *
 * Reads only what it must: the status, and as many bytes as Content-Length says. No TLS, no time-outs, no errors. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
  int fd;
  size_t have;
  char in[4096];
};

static void die(const char* what) {
  perror(what);
  exit(1);
}

static double now(clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void ask(const struct connection* c, const char* request, size_t size) {
  if (send(c->fd, request, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
}

/* The bytes of a whole answer at the start of the buffer, or 0. */
static size_t answer_size(const struct connection* c) {
  const char* end = memmem(c->in, c->have, "\r\n\r\n", 4);
  const char* length;
  size_t size;
  if (end == NULL) return 0;
  if (memcmp(c->in, "HTTP/1.1 200", 12) != 0) exit((fprintf(stderr, "raw_epoll: not answered with 200\n"), 1));
  length = memmem(c->in, (size_t)(end - c->in), "Content-Length: ", 16);
  if (length == NULL) exit((fprintf(stderr, "raw_epoll: no Content-Length\n"), 1));
  size = (size_t)(end - c->in) + 4 + strtoul(length + 16, NULL, 10);
  return c->have >= size ? size : 0;
}

int main(int argc, char** argv) {
  static char body[65536], request[70000];
  struct epoll_event events[256];
  struct connection* all;
  struct sockaddr_in to = {0};
  size_t body_size, request_size;
  int count, poll, i;
  unsigned long answers = 0;
  double began, began_cpu, until;
  FILE* f;
  if (argc != 6) return 2;
  f = fopen(argv[3], "rb");
  if (f == NULL) die(argv[3]);
  body_size = fread(body, 1, sizeof body, f);
  fclose(f);
  request_size = (size_t)snprintf(request, sizeof request,
                                  "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                                  "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%.*s",
                                  argv[2], getenv("BULKMSG_TOKEN"), body_size, (int)body_size, body);
  count = atoi(argv[4]);
  all = calloc((size_t)count, sizeof *all);
  poll = epoll_create1(EPOLL_CLOEXEC);
  to.sin_family = AF_INET;
  to.sin_port = htons((unsigned short)atoi(argv[1]));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (i = 0; i < count; ++i) {
    struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = &all[i]}};
    const int on = 1;
    all[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(all[i].fd, (struct sockaddr*)&to, sizeof to) != 0) die("connect");
    setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &e);
  }
  began = now(CLOCK_MONOTONIC);
  began_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  until = began + atof(argv[5]);
  for (i = 0; i < count; ++i) ask(&all[i], request, request_size);
  while (now(CLOCK_MONOTONIC) < until) {
    const int n = epoll_wait(poll, events, 256, 1000);
    for (i = 0; i < n; ++i) {
      struct connection* c = events[i].data.ptr;
      const ssize_t got = recv(c->fd, c->in + c->have, sizeof c->in - c->have, MSG_DONTWAIT);
      size_t size;
      if (got <= 0) die("recv");
      c->have += (size_t)got;
      size = answer_size(c);
      if (size == 0) continue;
      memmove(c->in, c->in + size, c->have - size);
      c->have -= size;
      ++answers;
      ask(c, request, request_size);
    }
  }
  printf("{\"requests_per_second\":%.1f,\"cpu_us\":%.3f}\n", (double)answers / (now(CLOCK_MONOTONIC) - began),
         (now(CLOCK_PROCESS_CPUTIME_ID) - began_cpu) * 1e6 / (double)answers);
  return 0;
}
