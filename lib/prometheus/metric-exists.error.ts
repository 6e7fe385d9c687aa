/** The registry has a metric of this name already (reference 18.2). Thrown at start-up. */
export class MetricExistsError extends Error {
  override readonly name = 'MetricExistsError';

  constructor(
    /** The name of the metric. */
    readonly metric: string,
  ) {
    super(
      `WebSocketMetricsModule: the registry has a metric "${metric}" already; import the module once for each registry, ` +
        'or leave the option "registry" out: then the metrics have one of their own',
    );
  }
}
