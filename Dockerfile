FROM golang:1.26-bookworm AS build
WORKDIR /source
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
ARG COMMIT=unknown
RUN CGO_ENABLED=0 go build -trimpath \
      -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /citycard ./server \
 && mkdir -p /state/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /citycard /citycard
COPY --from=build --chown=nonroot:nonroot /state /state
WORKDIR /state
VOLUME /state/data
ENV CITYCARD_METRICS_ADDR=:9090
EXPOSE 8080 8081 9090
ENTRYPOINT ["/citycard"]
CMD ["serve"]
