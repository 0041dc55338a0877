/* libcurl's multi interface at its fastest (socket actions over epoll), storing nothing.
 *
 *   curl_multi URL BODY_FILE CONNECTIONS SECONDS      the token is in BULKMSG_TOKEN */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int poll_fd;
static long timeout_ms = -1;

static double now(clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t take(char* data, size_t size, size_t count, void* sum) {
  (void)data;
  *(size_t*)sum += size * count;
  return size * count;
}

static int watch(CURL* easy, curl_socket_t s, int what, void* own, void* known) {
  struct epoll_event e = {0};
  CURLM* multi = own;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(poll_fd, EPOLL_CTL_DEL, s, NULL);
    return 0;
  }
  e.events =
      ((what & CURL_POLL_IN) != 0 ? (unsigned)EPOLLIN : 0u) | ((what & CURL_POLL_OUT) != 0 ? (unsigned)EPOLLOUT : 0u);
  e.data.fd = s;
  epoll_ctl(poll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s, &e);
  if (known == NULL) curl_multi_assign(multi, s, multi);
  return 0;
}

static int set_timeout(CURLM* multi, long ms, void* own) {
  (void)multi;
  (void)own;
  timeout_ms = ms;
  return 0;
}

int main(int argc, char** argv) {
  static char body[65536], token[1024];
  struct epoll_event events[256];
  struct curl_slist* headers;
  CURLM* multi;
  size_t body_size, received = 0;
  unsigned long answers = 0;
  double began, began_cpu, until;
  int i, running;
  FILE* f;
  if (argc != 5) return 2;
  f = fopen(argv[2], "rb");
  if (f == NULL) return perror(argv[2]), 1;
  body_size = fread(body, 1, sizeof body, f);
  fclose(f);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  snprintf(token, sizeof token, "Authorization: Bearer %s", getenv("BULKMSG_TOKEN"));
  headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), token);
  headers = curl_slist_append(headers, "Expect:");
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timeout);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, atol(argv[3]));
  began = now(CLOCK_MONOTONIC);
  began_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  until = began + atof(argv[4]);
  for (i = 0; i < atoi(argv[3]); ++i) {
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body_size);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
    curl_multi_add_handle(multi, easy);
  }
  while (now(CLOCK_MONOTONIC) < until) {
    const int n = epoll_wait(poll_fd, events, 256, timeout_ms < 0 || timeout_ms > 1000 ? 1000 : (int)timeout_ms);
    CURLMsg* told;
    if (n == 0) curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    for (i = 0; i < n; ++i) {
      const int what = ((events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(multi, events[i].data.fd, what, &running);
    }
    while ((told = curl_multi_info_read(multi, &i)) != NULL) {
      CURL* easy = told->easy_handle;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      if (told->data.result != CURLE_OK || status != 200) {
        fprintf(stderr, "curl_multi: %s, status %ld\n", curl_easy_strerror(told->data.result), status);
        return 1;
      }
      ++answers;
      curl_multi_remove_handle(multi, easy);
      curl_multi_add_handle(multi, easy);
    }
  }
  printf("{\"requests_per_second\":%.1f,\"cpu_us\":%.3f}\n", (double)answers / (now(CLOCK_MONOTONIC) - began),
         (now(CLOCK_PROCESS_CPUTIME_ID) - began_cpu) * 1e6 / (double)answers);
  return 0;
}
