/*
 * network_link: the little that we ask of rtnetlink(7).
 *
 * What a cell must not reach is refused by policy rules, not by blackhole routes: a rule stands before all routes, so
 * no more exact one (the kernel's own fe80::/64 of each interface, a prefix that pasta copied from the host) opens
 * what it closes.  "unreachable" instead of "blackhole", since the caller then reads "no route to host".
 */
#include "base/fd.h"
#include "cell/network_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

enum { REQUEST_BYTES = 256, ANSWER_BYTES = 8 * 1024, RULE_PRIORITY = 100 /* after the table of local addresses */ };

/* Link-local addresses, where clouds put their metadata services, and the metadata services that are elsewhere. */
static const struct {
    int family;
    const char *address;
    uint8_t prefix;
} refused[] = {
    {AF_INET, "169.254.0.0", 16},       {AF_INET, "100.100.100.200", 32}, /* Alibaba Cloud */
    {AF_INET6, "fe80::", 10},           {AF_INET6, "fd00:ec2::", 64},     /* AWS */
    {AF_INET6, "fd20:ce::254", 128},                                      /* Google Cloud */
    {AF_INET6, "::ffff:0:0", 96},       /* IPv4 in IPv6's clothes: on the wire nobody means it */
    {AF_INET6, "64:ff9b::a9fe:0", 112}, /* 169.254.0.0/16 behind a translator */
};

struct request {
    _Alignas(struct nlmsghdr) char bytes[REQUEST_BYTES];
};

static void *begin(struct request *request, uint16_t type, uint16_t flags, size_t body)
{
    struct nlmsghdr *header = (struct nlmsghdr *)(void *)request->bytes;

    memset(request, 0, sizeof *request);
    header->nlmsg_len = NLMSG_LENGTH((uint32_t)body);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    return NLMSG_DATA(header);
}

static void add(struct request *request, unsigned short type, const void *value, size_t len)
{
    struct nlmsghdr *header = (struct nlmsghdr *)(void *)request->bytes;
    struct rtattr *attribute = (struct rtattr *)(void *)(request->bytes + NLMSG_ALIGN(header->nlmsg_len));

    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(len);
    memcpy(RTA_DATA(attribute), value, len);
    header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + (uint32_t)RTA_SPACE(len);
}

static int open_line(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static bool send_request(int line, const struct request *request)
{
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)request->bytes;

    return send(line, request->bytes, header->nlmsg_len, 0) == (ssize_t)header->nlmsg_len;
}

/* 0 or an errno: the kernel answers each request at once, with an error message whose error may be 0. */
static int ask(int line, const struct request *request)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr body;
        char rest[REQUEST_BYTES];
    } answer = {0};

    if (!send_request(line, request) || recv(line, &answer, sizeof answer, 0) < (ssize_t)NLMSG_LENGTH(sizeof(int)))
        return errno ? errno : EPROTO;
    return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.body.error : EPROTO;
}

bool network_link_lo_up(struct err *err)
{
    FD_AUTO line = open_line();
    struct request request;
    struct ifinfomsg *link = begin(&request, RTM_NEWLINK, NLM_F_ACK, sizeof *link);

    link->ifi_family = AF_UNSPEC;
    link->ifi_index = 1; /* a namespace's first interface is its lo */
    link->ifi_flags = link->ifi_change = IFF_UP;
    errno = line < 0 ? errno : ask(line, &request);
    return errno == 0 || err_sys(err, "bringing up lo");
}

static int refuse(int line, size_t row)
{
    unsigned char address[16];
    size_t address_bytes = refused[row].family == AF_INET ? 4 : 16;
    uint32_t priority = RULE_PRIORITY;
    struct request request;
    struct fib_rule_hdr *rule = begin(&request, RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE, sizeof *rule);

    rule->family = (uint8_t)refused[row].family;
    rule->dst_len = refused[row].prefix;
    rule->action = FR_ACT_UNREACHABLE;
    if (inet_pton(refused[row].family, refused[row].address, address) != 1)
        return EINVAL;
    add(&request, FRA_DST, address, address_bytes);
    add(&request, FRA_PRIORITY, &priority, sizeof priority);
    return ask(line, &request);
}

bool network_link_refuse_all(struct err *err)
{
    FD_AUTO line = open_line();

    if (line < 0)
        return err_sys(err, "netlink");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        int fault = refuse(line, i);
        if (fault && refused[i].family == AF_INET6 && (fault == EAFNOSUPPORT || fault == EOPNOTSUPP))
            continue; /* a kernel without IPv6 reaches nothing by it */
        errno = fault;
        if (fault)
            return err_sys(err, "refusing %s/%d", refused[i].address, refused[i].prefix);
    }
    return true;
}

static bool is_default_route(const struct nlmsghdr *header)
{
    const struct rtmsg *route = NLMSG_DATA(header);

    return header->nlmsg_type == RTM_NEWROUTE && route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST &&
           route->rtm_table == RT_TABLE_MAIN;
}

static bool has_default_route(int line, uint8_t family)
{
    _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
    struct request request;
    struct rtmsg *route = begin(&request, RTM_GETROUTE, NLM_F_DUMP, sizeof *route);
    bool found = false, more;
    ssize_t len;

    route->rtm_family = family;
    if (!send_request(line, &request))
        return false;
    for (more = true; more && (len = recv(line, answer, sizeof answer, 0)) > 0;) {
        const char *at = answer;
        const struct nlmsghdr *header;
        for (; header = (const void *)at, len > 0 && NLMSG_OK(header, (size_t)len);
             at += NLMSG_ALIGN(header->nlmsg_len)) {
            more = more && header->nlmsg_type != NLMSG_DONE && header->nlmsg_type != NLMSG_ERROR;
            found = found || is_default_route(header);
            len -= NLMSG_ALIGN(header->nlmsg_len);
        }
    }
    return found;
}

bool network_link_has_default_route(void)
{
    FD_AUTO line = open_line();

    return line >= 0 && (has_default_route(line, AF_INET) || has_default_route(line, AF_INET6));
}
